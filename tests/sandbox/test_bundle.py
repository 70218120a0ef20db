"""Loading bundles, and every trap a folder can hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.decisions.limits import Limits
from runtime.sandbox.bundle import (
    MAX_ASSET,
    AssetError,
    BundleError,
    load_bundle,
    make_bundle,
)
from runtime.sandbox.frames import ModuleFrame, core_frame_to_json
from runtime.sandbox.wire import MAX_CORE_FRAME, encode_frame

LIMITS = Limits()


def folder(tmp_path: Path, **files: str) -> Path:
    root = tmp_path / "ivr"
    root.mkdir()
    for stem, text in files.items():
        (root / f"{stem}.py").write_text(text)
    return root


def faults(scenario: Path | str) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(str(scenario))
    return str(caught.value)


def test_a_folder_bundles_its_modules(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="import menu", menu="x = 1", test_menu="", conftest="")
    (root / ".hidden.py").write_text("")
    (root / "notes.txt").write_text("")
    (root / "sub").mkdir()
    bundle = load_bundle(str(root))
    assert (bundle.name, bundle.main) == ("ivr", "scenario")
    assert [(module.name, module.path) for module in bundle.modules] == [
        ("menu", "menu.py"),
        ("scenario", "scenario.py"),
    ]
    assert bundle.folder == root


def test_a_file_is_a_bundle_of_one(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="", other="")
    bundle = load_bundle(str(root / "other.py"))
    assert (bundle.name, bundle.main, len(bundle.modules)) == ("other", "other", 1)
    assert bundle.assets.folder == root


def test_a_shipped_scenario_is_found_beside_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "hello.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    bundle = load_bundle("module:scenarios.hello")
    assert bundle.name == "scenarios.hello"
    assert bundle.folder is not None
    assert not bundle.folder.is_relative_to(tmp_path)
    assert load_bundle("scenarios.hello") == bundle


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("module:os", "names a shipped scenario"),
        ("module:scenarios.../../etc", "names a shipped scenario"),
        ("module:scenarios.nonsense", "there is no shipped scenario scenarios.nonsense; there are"),
        ("nothing.py", "the file nothing.py does not exist"),
        ("nothing", "give a .py file, a folder with scenario.py, or module:"),
    ],
)
def test_what_is_no_scenario_says_what_is(scenario: str, message: str) -> None:
    assert message in faults(scenario)


def test_a_folder_without_a_scenario_says_so(tmp_path: Path) -> None:
    assert "has no scenario.py" in faults(folder(tmp_path, main=""))


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="x" * (LIMITS.bundle_file_chars + 1), json="", nul="a\0b")
    said = faults(root)
    assert "scenario.py has 262145 characters, the limit is 262144" in said
    assert "json.py would hide the module json" in said
    assert "nul.py holds characters that are not text" in said


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="")
    (root / "latin.py").write_bytes(b"# \xe4")
    (root / "dangling.py").symlink_to(root / "nowhere.py")
    os.mkfifo(root / "pipe.py")
    said = faults(root)
    assert "latin.py: is not UTF-8 text (byte 2)" in said
    assert "dangling.py: No such file" in said
    assert "pipe.py: is not a regular file" in said


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("KEY = 1")
    root = folder(tmp_path, scenario="")
    (root / "secret.py").symlink_to(tmp_path / "secret.py")
    assert "secret.py: is a link that leads out" in faults(root)


def test_too_many_modules_are_refused(tmp_path: Path) -> None:
    names = {f"m{number}": "" for number in range(64)}
    assert "65 Python files, the limit is 64" in faults(folder(tmp_path, scenario="", **names))


def test_the_operator_says_how_big_a_scenario_may_be(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="x" * 1_500, menu="")
    for limits, fault in (
        (Limits(bundle_bytes=1_000), "scenario.py: more than 1000 bytes"),
        (Limits(bundle_file_chars=1_499), "scenario.py has 1500 characters, the limit is 1499"),
        (Limits(bundle_files=1), "2 Python files, the limit is 1"),
    ):
        with pytest.raises(BundleError, match=fault):
            load_bundle(str(root), limits)
    assert load_bundle(str(root), Limits(bundle_bytes=1_500, bundle_files=2))


def test_too_much_text_is_refused() -> None:
    sources = {f"m{number}": "ä" * 150_000 for number in range(5)} | {"scenario": ""}
    with pytest.raises(BundleError, match="1500000 bytes of Python, the limit is 1048576"):
        make_bundle("x", sources)


def test_the_longest_module_fits_into_a_frame_in_any_script() -> None:
    bundle = make_bundle("x", {"scenario": "\U0001f4de" * LIMITS.bundle_file_chars})
    module = bundle.modules[0]
    frame = ModuleFrame(name=module.name, path=module.path, source=module.source)
    assert encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME)


def test_loading_never_compiles(tmp_path: Path) -> None:
    assert load_bundle(str(folder(tmp_path, scenario="def (((")))


def test_the_version_follows_the_text(tmp_path: Path) -> None:
    one = make_bundle("x", {"scenario": "a", "menu": "b"})
    assert one.version == make_bundle("y", {"menu": "b", "scenario": "a"}).version
    assert one.version != make_bundle("x", {"scenario": "a", "menu": "c"}).version
    assert one.version != make_bundle("x", {"scenario": "ab", "menu": ""}).version


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    root = folder(tmp_path, scenario="")
    (root / "scenario.py").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert load_bundle(str(root)).modules[0].source == "x = 1\ny = 2\n"


# --- assets -------------------------------------------------------------------------------------


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    root = folder(tmp_path, scenario="")
    (root / "prompts").mkdir()
    (root / "prompts" / "hello.wav").write_bytes(b"RIFF")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (root / "link.wav").symlink_to(tmp_path / "secret.wav")
    (root / "inside.wav").symlink_to(root / "prompts" / "hello.wav")
    (root / "up").symlink_to(tmp_path)
    (root / "loop.wav").symlink_to(root / "loop.wav")
    os.mkfifo(root / "pipe.wav")
    with open(root / "big.wav", "wb") as stream:
        stream.truncate(MAX_ASSET + 1)
    return root


@pytest.mark.parametrize("name", ["prompts/hello.wav", "./prompts/hello.wav", "inside.wav"])
def test_a_sound_of_the_folder_is_opened(sounds: Path, name: str) -> None:
    descriptor = load_bundle(str(sounds)).assets.open(name)
    try:
        assert os.read(descriptor, 10) == b"RIFF"
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../secret.wav", "not a relative name"),
        ("prompts/../../secret.wav", "not a relative name"),
        ("/etc/passwd", "not a relative name"),
        ("", "not a relative name"),
        ("a\0b", "not a relative name"),
        ("nothing.wav", "no such file"),
        ("x" * 5_000, "no such file"),
        ("link.wav", "leads out of"),
        ("up/secret.wav", "leads out of"),
        ("loop.wav", "no such file"),
        ("prompts", "is not a regular file"),
        ("pipe.wav", "is not a regular file"),
        ("big.wav", "10.0 MB, the limit for a sound is 10 MB"),
    ],
)
def test_everything_else_is_refused_without_leaking_a_descriptor(
    sounds: Path, name: str, why: str
) -> None:
    assets = load_bundle(str(sounds)).assets
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(AssetError, match=why):
        assets.open(name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_bundle_without_a_folder_has_no_sounds() -> None:
    with pytest.raises(AssetError, match="has no files of its own"):
        make_bundle("x", {"scenario": ""}).assets.path("hello.wav")
