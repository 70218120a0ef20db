"""[data] key_file and key_env: one of them, and the environment is read here."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import ConfigError, load_config

KEY = "bW9yZSB0aGFuIG1vcmUgdGhhbiBtb3JlIHRoYW4gMzI="


def written(folder: Path, text: str) -> Path:
    file = folder / "callstage.toml"
    file.write_text(f"[data]\n{text}\n")
    return file


def test_a_key_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    data = load_config(written(tmp_path, 'key_file = "my.key"')).data
    assert (data.key_file, data.key) == (tmp_path / "my.key", "")


def test_a_key_comes_from_the_environment_and_stands_in_no_repr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    config = load_config(written(tmp_path, 'key_env = "MY_KEY"'))
    assert config.data.key == KEY
    assert KEY not in repr(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('key_env = "NO_SUCH_KEY"', "data.key_env: the environment variable 'NO_SUCH_KEY' is not"),
        ('key_env = "MY_KEY"\nkey_file = "my.key"', "data.key_env: give one of key, key_file"),
    ],
)
def test_a_key_that_cannot_be_had_is_a_fault_of_the_file(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(written(tmp_path, text))
