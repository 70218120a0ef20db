"""[users.NAME] and [registrar]: every way to a password, and every mistake with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import Config, ConfigError, load_config

SECRET = "correct horse"


def load(folder: Path, text: str) -> Config:
    path = folder / "callstage.toml"
    path.write_text(text)
    return load_config(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [f"{fault.key}: {fault.problem}" for fault in caught.value.faults]


def test_a_password_stands_in_the_file_beside_it_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ann.txt").write_text(f"{SECRET}\n")
    monkeypatch.setenv("CY_PASSWORD", SECRET)
    config = load(
        tmp_path,
        f'[users.bob]\npassword = "{SECRET}"\ndisplay_name = "Bob"\nmax_contacts = 2\n'
        '[users.ann]\npassword_file = "ann.txt"\n'
        '[users."+4420"]\npassword_env = "CY_PASSWORD"\n'
        f'[users.dee]\nha1 = ["{"0" * 32}", "{"F" * 64}"]\n',
    )
    assert {name: user.password for name, user in config.users.items()} == {
        "bob": SECRET,
        "ann": SECRET,
        "+4420": SECRET,
        "dee": "",
    }
    assert config.users["bob"].max_contacts == 2
    assert SECRET not in repr(config)


def test_without_users_there_are_the_registrars_defaults() -> None:
    config = Config()
    assert config.users == {}
    assert (config.registrar.realm, config.registrar.digest) == ("callstage", ("MD5", "SHA-256"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[users.bob]\n", "users.bob.password: give one of password, password_file"),
        ('[users.bob]\npassword = "x1"\npassword_env = "X"\n', "users.bob.password: give one of"),
        ('[users.bob]\npassword = "Bob"\n', "users.bob.password: is the user's name"),
        ('[users.bob]\npassword = "a\\u0000b"\n', "users.bob.password: must be 1 to 256 printable"),
        ('[users.bob]\npassword_file = "none"\n', "users.bob.password_file: "),
        ('[users.bob]\npassword_env = "NONE_SET"\n', "users.bob.password_env: the environment"),
        ('[users.bob]\nha1 = ["abc"]\n', "users.bob.ha1: must be 32 (MD5) or 64 (SHA-256)"),
        ("[users.bob]\npassword = 12345678\n", "users.bob.password: must be a string"),
        ('[users.bob]\npasword = "x"\n', "users.bob.pasword: unknown key; did you mean password"),
        ('[users.bob]\npassword = "x1"\nmax_contacts = 99\n', "users.bob.max_contacts: 99 is not"),
        ('[users."bob@home"]\npassword = "x1"\n', "users: 'bob@home' must be"),
        ('[users]\nbob = "x"\n', "users: 'bob' must be a [table]"),
        ('[registrar]\nrealm = "a\\"b"\n', "registrar.realm: "),
        ("[registrar]\nmin_expires_s = 0\n", "registrar.min_expires_s: 0 is not from 1"),
        ('[registrar]\ndigest = ["SHA-1"]\n', "registrar.digest[0]: must be one of"),
        ("[registrar]\ndigest = []\n", "registrar.digest: must name"),
    ],
)
def test_every_mistake_is_named_with_its_key(tmp_path: Path, text: str, fault: str) -> None:
    [found] = faults(tmp_path, text)
    assert found.startswith(fault)
    assert "12345678" not in found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "[users.a]\n[users.b]\n[[secret]]\nname='s'\nhosts=['h.example']\n")
    assert len(found) == 3
