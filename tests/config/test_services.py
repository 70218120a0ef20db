"""[mail] and [[rate]]: the relay, its password, the prices, and every mistake with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.decisions.rates import Rate
from tests.config.test_users import faults, load


def test_a_relay_is_read_with_its_password(tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_text("s3cret\n")
    config = load(
        tmp_path,
        '[mail]\nhost = "smtp.example.com"\nuser = "pbx"\npassword_file = "mail.txt"\n'
        'senders = ["@example.com", "pbx@example.net"]\n',
    )
    mail = config.mail
    assert (mail.host, mail.port, mail.security) == ("smtp.example.com", 0, "starttls")
    assert (mail.user, mail.password) == ("pbx", "s3cret")
    assert "s3cret" not in repr(config)


def test_a_relay_without_login_needs_no_password(tmp_path: Path) -> None:
    mail = load(tmp_path, '[mail]\nhost = "127.0.0.1"\nport = 2525\nsecurity = "none"\n').mail
    assert (mail.host, mail.port, mail.security, mail.user) == ("127.0.0.1", 2525, "none", "")


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ('host = "a b"', "mail.host", "is no name or address of a server"),
        ('host = "smtp://a.example"', "mail.host", "is no name or address of a server"),
        ("port = 70000", "mail.port", "70000 is no port"),
        ('security = "ssl"', "mail.security", "starttls"),
        ('senders = ["example.com"]', "mail.senders", 'or "@example.com" for everybody there'),
        ('user = "pbx"', "mail.user", "user and a password go together"),
        ('password = "x"', "mail.user", "user and a password go together"),
        ('user = "a"\npassword = "x"\npassword_env = "Y"', "mail.password", "give one of"),
        ('user = "a"\npassword_env = "NO_SUCH_VARIABLE"', "mail.password_env", "is not set"),
        ('user = "a"\npassword_file = "nowhere"', "mail.password_file", "cannot be read"),
        (
            'host = "a.example"\nsecurity = "none"\nuser = "a"\npassword = "x"',
            "mail.security",
            "a password is not sent in the clear",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, key: str, problem: str) -> None:
    [fault] = faults(tmp_path, f"[mail]\n{text}\n")
    assert fault.startswith(f"{key}: ")
    assert problem in fault


def test_rates_are_read_with_their_defaults(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        '[[rate]]\nname = "UK"\nprefix = "+44"\nper_minute = 0.01\nincrement_s = 60\n'
        '[[rate]]\nwhat = "recording"\nper_minute = 1\n',
    )
    assert config.rate == (
        Rate(name="UK", prefix="+44", per_minute=0.01, increment_s=60),
        Rate(what="recording", per_minute=1),
    )


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("per_minute = -1", "rate[0].per_minute", "must be from 0 to 1,000,000, not -1"),
        ("increment_s = 0", "rate[0].increment_s", "must be from 1 to 86,400, not 0"),
        ('way = "up"', "rate[0].way", "out"),
        ("price = 1", "rate[0].price", "per_use"),
    ],
)
def test_a_mistake_in_a_rate_is_told_with_its_key(
    tmp_path: Path, text: str, key: str, problem: str
) -> None:
    [fault] = faults(tmp_path, f"[[rate]]\n{text}\n")
    assert problem in fault
    assert fault.startswith(key.partition(".")[0].partition("[")[0])
    assert key.rpartition(".")[2] in fault


def test_recognisers_are_reached_by_web_socket_or_http(tmp_path: Path) -> None:
    for url in ("ws://a.example/", "wss://a.example/", "http://a.example/", "https://a.example/"):
        asr = load(tmp_path, f'[asr]\nurl = "{url}"\naudio = "l16"\ntimeout_s = 2.5\n').asr
        assert (asr.url, asr.audio, asr.timeout_s) == (url, "l16", 2.5)
    assert load(tmp_path, "").asr.url == ""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('url = "ftp://a.example/"', "must be a ws://, wss://, http:// or https:// URL"),
        ('audio = "mp3"', "l16"),
        ("timeout_s = 0", "0 is not from 0 to 60 seconds"),
        ("timeout_s = 61", "61 is not from 0 to 60 seconds"),
    ],
)
def test_a_wrong_recogniser_is_told(tmp_path: Path, line: str, problem: str) -> None:
    [fault] = faults(tmp_path, f"[asr]\n{line}\n")
    assert fault.startswith("asr.")
    assert problem in fault
