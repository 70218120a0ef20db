"""[trunk.login]: where its password comes from, and every mistake with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.config import Config, ConfigError, load_config

SECRET = "correct horse"
TRUNK = '[[trunk]]\nname = "pbx"\nuri = "sip:pbx.example"\n[trunk.login]\nuser = "pbx"\n'


def load(folder: Path, text: str) -> Config:
    path = folder / "callstage.toml"
    path.write_text(text)
    return load_config(path)


def test_a_login_belongs_to_the_trunk_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBX_PASSWORD", SECRET)
    config = load(tmp_path, f'{TRUNK}password_env = "PBX_PASSWORD"\n')
    login = config.trunk[0].login
    assert login is not None
    assert (login.user, login.password) == ("pbx", SECRET)
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TRUNK, "trunk[0].login.password: give one of password, password_file"),
        (f'{TRUNK}password = "PBX"\n', "trunk[0].login.password: is the user's name"),
        (f'{TRUNK}password_file = "none"\n', "trunk[0].login.password_file: "),
        (
            f'{TRUNK}password = "{SECRET}"\n[users.pbx]\npassword = "{SECRET}"\n',
            "trunk[0].login.user: 'pbx' is also the name of a user",
        ),
        (
            f'{TRUNK}password = "{SECRET}"\n'
            + TRUNK.replace('name = "pbx"', 'name = "other"')
            + f'password = "{SECRET}"\n',
            "trunk[1].login.user: 'pbx' is also the name of trunk pbx's login",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key_and_without_the_password(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    [found] = [f"{one.key}: {one.problem}" for one in caught.value.faults]
    assert found.startswith(fault)
    assert SECRET not in str(caught.value)


def test_a_name_that_cannot_stand_in_an_address_is_a_fault(tmp_path: Path) -> None:
    text = TRUNK.replace('user = "pbx"', 'user = "p b x"') + f'password = "{SECRET}"\n'
    with pytest.raises(ConfigError, match=r"trunk\[0\].login.user: 'p b x' must be"):
        load(tmp_path, text)
