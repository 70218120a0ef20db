"""[mail]: the relay, its password, and every mistake with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

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
