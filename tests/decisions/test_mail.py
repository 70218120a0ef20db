"""Which mail may go: addresses, the operator's relay, the operator's senders."""

from __future__ import annotations

import pytest

from runtime.decisions.mail import MAX_RECIPIENTS, Mail, address, addresses, refuse_mail, title

NOTE = Mail(sender="pbx@example.com", to=("ann@example.com",))


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "a.b+c@mail.example.co.uk",
        "o'neil@example.com",
        "x@localhost",
        "1@a-b.de",
    ],
)
def test_plain_addresses_are_taken(text: str) -> None:
    assert address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "@example.com",
        "ann@",
        "ann@@example.com",
        "a b@example.com",
        ".ann@example.com",
        "ann@-example.com",
        '"ann"@example.com',
        "Ann <ann@example.com>",
        "ann@example.com>\r\nDATA",
        "ann@example.com\nBcc: x@y.example",
        "анн@example.com",
        "=?utf-8?q?x=2c_y=40z.example?=@example.com",
        "=?us-ascii?q?=22x?=@example.com",
        "x" * 250 + "@example.com",
    ],
)
def test_what_is_odd_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="which is no mail address"):
        address(text)


def test_a_title_is_what_it_says() -> None:
    assert title("Why? = because") == "Why? = because"
    with pytest.raises(ValueError, match="read as an encoded word"):
        title("=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=")


def test_lists_have_commas_between_and_recipients_count_once() -> None:
    assert addresses(" a@b.example, c@d.example ,") == ("a@b.example", "c@d.example")
    assert addresses("") == ()
    mail = Mail(
        sender="a@b.example", to=("c@d.example",), cc=("c@d.example",), bcc=("e@f.example",)
    )
    assert mail.recipients == ("c@d.example", "e@f.example")


def test_one_address_is_not_none_nor_two() -> None:
    for text in ("", "a@b.example, c@d.example"):
        with pytest.raises(ValueError, match="must be one mail address"):
            address(text)


@pytest.mark.parametrize(
    ("host", "asked", "senders", "why"),
    [
        ("", "", (), "no mail relay is configured: [mail] host in callstage.toml"),
        ("relay.example", "", (), None),
        ("relay.example", "Relay.Example.", (), None),
        ("relay.example", "smtp.evil.example", (), "by the operator's relay only"),
        ("relay.example", "127.0.0.1", (), "by the operator's relay only"),
        ("relay.example", "", ("PBX@example.com",), None),
        ("relay.example", "", ("@example.com",), None),
        ("relay.example", "", ("@ample.com", "other@example.com"), "may not send"),
    ],
)
def test_only_the_operator_s_relay_and_senders(
    host: str, asked: str, senders: tuple[str, ...], why: str | None
) -> None:
    refused = refuse_mail(NOTE, asked=asked, host=host, senders=senders)
    assert (refused is None) == (why is None)
    assert why is None or why in str(refused)


def test_recipients_are_bounded_and_needed() -> None:
    many = tuple(f"a{number}@example.com" for number in range(MAX_RECIPIENTS + 1))
    for to, why in ((many, "51 recipients, the limit is 50"), ((), "there is no recipient")):
        mail = Mail(sender="a@b.example", to=to)
        assert refuse_mail(mail, asked="", host="relay.example", senders=()) == why
