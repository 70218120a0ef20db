"""Reading callstage.toml: defaults, every fault at once, hints."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from runtime.config import Config, ConfigError, load_config
from runtime.config.data import parse_size
from runtime.config.http import EVERY_SCOPE, parse_http_address
from runtime.config.settings import parse_port_range
from runtime.decisions.limits import Limits


def faults_of(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "callstage.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert all(fault.file == str(file) for fault in caught.value.faults)
    return [(fault.key, fault.problem) for fault in caught.value.faults]


def test_without_a_file_everything_has_a_default_on_loopback() -> None:
    config = load_config(None)
    assert config == Config()
    assert config.sip.listen == ("udp://127.0.0.1:5060",)
    assert config.http.listen == "127.0.0.1:8080"
    assert config.sandbox.require == "full"
    assert config.rtp.srtp == "off"


def test_a_full_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_text(
        """
        [sip]
        listen = ["udp://0.0.0.0:5060", "tcp://[::1]:5062"]
        advertise = "203.0.113.9"
        allow = ["203.0.113.0/24"]
        [limits]
        idle_session_s = 5
        [[trunk]]
        name = "carrier"
        uri = "sip:carrier.example"
        codecs = ["PCMA"]
        srtp = "required"
        [rtp]
        srtp = "optional"
        [[rule]]
        name = "sales"
        to = '\\+4420794601..'
        scenario = "scenario.py"
        conference = true
        custom_data = '{"company": "Tea & Co"}'
        """
    )
    config = load_config(file)
    assert config.sip.listen == ("udp://0.0.0.0:5060", "tcp://[::1]:5062")
    assert config.limits.idle_session_s == 5.0
    assert config.trunk[0].codecs == ("PCMA",)
    assert (config.rtp.srtp, config.trunk[0].srtp) == ("optional", "required")
    assert config.rule[0].conference is True
    assert config.rule[0].custom_data == '{"company": "Tea & Co"}'
    assert "Tea" not in repr(config)


def test_all_faults_come_at_once_with_their_keys(tmp_path: Path) -> None:
    found = dict(
        faults_of(
            tmp_path,
            """
            [sip]
            listen = ["foo"]
            advertize = "x"
            [limits]
            idle_session_s = "5"
            unanswered_s = 0
            [application]
            on_error = "legs"
            [[rule]]
            name = "r"
            to = '('
            [telephony]
            """,
        )
    )
    assert set(found) == {
        "sip.listen",
        "sip.advertize",
        "limits.idle_session_s",
        "limits.unanswered_s",
        "application.on_error",
        "rule[0].to",
        "rule[0].scenario",
        "telephony",
    }
    assert "did you mean advertise?" in found["sip.advertize"]
    assert "must be a number" in found["limits.idle_session_s"]
    assert "'leg', 'session'" in found["application.on_error"]
    assert found["rule[0].scenario"] == "is missing"


TRUNK = "[[trunk]]\nname = 'a'\nuri = 'sip:a'\n"


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("rule = 5", "rule", "must be a list"),
        ("rule = ['x']", "rule", "[[table]]"),
        ("sip = []", "sip", "must be a [table]"),
        (f"{TRUNK}register = true", "trunk[0].register", "must be a [table], not True"),
        (f"{TRUNK}login = 'x'", "trunk[0].login", "must be a [table], not 'x'"),
        ("[sip]\nlisten = 'udp://127.0.0.1:5060'", "sip.listen", "must be a list"),
        ("[http]\nlisten = '127.0.0.1'", "http.listen", "HOST:PORT"),
        ("[http]\nlisten = 'localhost:80'", "http.listen", "not an IP address"),
        ("[rtp]\nports = '9-1'", "rtp.ports", "the lower one first"),
        ("[data]\nrecordings_max = '10 XB'", "data.recordings_max", "not a size"),
        ("[http.tokens]\nci = 'abc'", "http.tokens", "SHA-256"),
        ("[net]\nallow = ['10.0.0.0/33']", "net.allow", "not a network"),
        ("[[rule]]\nname='a'\nto='a'\nscenario='s'\nconference=1", "rule[0].conference", "true or"),
        (
            "[[rule]]\nname='a'\nto='a'\nscenario='s'\ncustom_data=1",
            "rule[0].custom_data",
            "a stri",
        ),
        (
            f"[[rule]]\nname='a'\nto='a'\nscenario='s'\ncustom_data='{'x' * 8193}'",
            "rule[0].custom_data",
            "8193 bytes, the limit is 8192",
        ),
    ],
)
def test_a_wrong_value_says_what_it_must_be(
    tmp_path: Path, text: str, key: str, problem: str
) -> None:
    [(found_key, found_problem)] = faults_of(tmp_path, text)
    assert found_key == key
    assert problem in found_problem


def test_every_limit_is_a_key_and_an_application_lowers_some(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    every = "\n".join(f"{name} = {value}" for name, value in attrs.asdict(Limits()).items())
    file.write_text(f"[limits]\n{every}\n[application.limits]\nplayers = 2\nsession_s = 60\n")
    config = load_config(file)
    assert config.limits == Limits()
    assert config.application_limits == Limits(players=2, session_s=60.0)


def test_limits_have_faults_of_every_kind_at_once(tmp_path: Path) -> None:
    found = dict(
        faults_of(
            tmp_path,
            """
            [limits]
            memory_mib = 4
            timer = 5
            handler_cpu_s = inf
            players = 1.5
            [application.limits]
            listener = 5
            cpu_rate = "all"
            """,
        )
    )
    assert found == {
        "limits.memory_mib": "must be from 8 to 65,536, not 4",
        "limits.timer": "unknown key; did you mean timers?",
        "limits.handler_cpu_s": "must be from 0.1 to 60, not inf",
        "limits.players": "must be a whole number, not 1.5",
        "application.limits.listener": "unknown key; did you mean listeners?",
        "application.limits.cpu_rate": "must be a number, not 'all'",
    }


def test_an_application_above_the_operator_is_a_fault_beside_the_others(tmp_path: Path) -> None:
    found = dict(
        faults_of(
            tmp_path,
            """
            [limits]
            players = 4
            [application.limits]
            players = 5
            timers = 101
            slow_handlers_window_s = 5
            memory_mib = 32
            [http]
            listen = "here"
            """,
        )
    )
    assert found.pop("http.listen")
    assert found == {
        "application.limits.players": "5 is above the operator's 4 ([limits] players); an "
        "application can only lower it",
        "application.limits.timers": "101 is above the operator's 100 ([limits] timers); an "
        "application can only lower it",
        "application.limits.slow_handlers_window_s": "only the operator can set it: [limits] "
        "slow_handlers_window_s",
    }


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("limits = 5", "limits", "must be a [table]"),
        ("[application]\nlimits = 5", "application.limits", "must be a [table]"),
        ("application = 5", "application", "must be a [table]"),
        ("[application]\nbreaker = true", "application.breaker", "must be one of 'auto'"),
        (f"[application]\napology = '{'x' * 501}'", "application.apology", "501 characters"),
    ],
)
def test_limits_and_applications_have_a_shape(
    tmp_path: Path, text: str, key: str, problem: str
) -> None:
    [(found_key, found_problem)] = faults_of(tmp_path, text)
    assert found_key == key
    assert problem in found_problem


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"[sip", b"x = 1" * 300_000, b"x = " + b"[" * 9_999])
def test_a_file_that_is_no_configuration_is_one_clear_fault(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "callstage.toml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert len(caught.value.faults) == 1


def test_marks_and_line_ends_of_other_systems_are_no_faults(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_bytes(b'\xef\xbb\xbf[http]\r\nlisten = "127.0.0.1:99"\r\n')
    assert load_config(file).http.listen == "127.0.0.1:99"


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "nothing.toml")


def test_sizes_ports_and_addresses_are_parsed() -> None:
    assert parse_size("10 GB") == 10**10
    assert parse_size("1.5KB") == 1500
    assert parse_port_range("10000-10003") == range(10000, 10004)
    assert parse_http_address("[::1]:0") == ("::1", 0)


# --- secrets ------------------------------------------------------------------------------------


def test_a_secret_comes_from_the_file_itself_another_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "from-the-environment")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "billing").write_text("from-a-file\n")
    file = tmp_path / "callstage.toml"
    file.write_text(
        """
        [[secret]]
        name = "plain"
        value = "from-here"
        hosts = ["api.example.com"]
        [[secret]]
        name = "crm"
        env = "CRM_TOKEN"
        hosts = ["crm.example.com:8443", "crm.example.com"]
        [[secret]]
        name = "billing"
        file = "keys/billing"
        hosts = ["billing.example.com"]
        """
    )
    config = load_config(file)
    values = {secret.name: secret.value for secret in config.secret}
    assert values == {
        "plain": "from-here",
        "crm": "from-the-environment",
        "billing": "from-a-file",
    }
    for value in values.values():
        assert value not in repr(config)


@pytest.mark.parametrize(
    ("given", "key", "problem"),
    [
        ("", "value", "give one of value, file and env"),
        ("value = 'long-enough'\nenv = 'X'", "value", "give one of value, file and env"),
        ("value = 'hunter2'", "value", "has 7 characters; a secret has 8 to 4096"),
        ("env = 'CALLSTAGE_TEST_NOT_SET'", "env", "'CALLSTAGE_TEST_NOT_SET' is not set"),
        ("file = 'two-lines'", "file", "must be one line of printable characters"),
        ("file = 'binary'", "file", "is not UTF-8 text"),
        ("file = 'missing'", "file", "cannot be read: No such file"),
        ("file = 'huge'", "file", "has 8193 characters"),
    ],
)
def test_a_secret_without_a_usable_value_says_why_and_not_what(
    tmp_path: Path, given: str, key: str, problem: str
) -> None:
    (tmp_path / "two-lines").write_text("first-line-of-it\nsecond")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 20)
    (tmp_path / "huge").write_text("x" * 9_000)
    text = f"[[secret]]\nname = 'crm'\nhosts = ['a.example']\n{given}\n"
    [(where, told)] = faults_of(tmp_path, text)
    assert where == f"secret[0].{key}"
    assert problem in told
    for value in ("hunter2", "long-enough", "first-line", "xxxx"):
        assert value not in told


def test_a_hundred_secrets_are_enough(tmp_path: Path) -> None:
    one = "[[secret]]\nname = 'n{}'\nvalue = 'long-enough'\nhosts = ['a.example']\n"
    text = "".join(one.format(number) for number in range(101))
    assert faults_of(tmp_path, text) == [("secret", "101 secrets, the limit is 100")]


def test_all_secrets_without_a_value_are_told_at_once(tmp_path: Path) -> None:
    one = "[[secret]]\nname = 'same'\nvalue = 'long-enough'\nhosts = ['a.example']\n"
    other = "[[secret]]\nname = 'b'\nhosts = ['b.example']\n"
    assert faults_of(tmp_path, one + other + one) == [
        ("secret[0].name", "there are several secrets called 'same'"),
        ("secret[1].value", "give one of value, file and env"),
        ("secret[2].name", "there are several secrets called 'same'"),
    ]


def test_a_secret_may_be_one_applications_and_no_application_has_two_of_a_name(
    tmp_path: Path,
) -> None:
    one = "[[secret]]\nname = '{}'\nvalue = 'long-enough'\nhosts = ['a.example']\n"
    of = "application = '{}'\n"
    file = tmp_path / "callstage.toml"
    file.write_text(one.format("a") + of.format("shop") + one.format("a") + of.format("bank"))
    assert [each.application for each in load_config(file).secret] == ["shop", "bank"]
    text = one.format("a") + of.format("shop") + one.format("a")
    assert [key for key, _ in faults_of(tmp_path, text)] == ["secret[0].name", "secret[1].name"]
    [(key, problem)] = faults_of(tmp_path, one.format("a") + of.format("a b"))
    assert (key, problem.partition(" must")[0]) == ("secret[0].application", "'a b'")


def test_tokens_may_be_bound_to_an_application_and_to_scopes(tmp_path: Path) -> None:
    digest = "0123456789abcdef" * 4
    file = tmp_path / "callstage.toml"
    file.write_text(
        f"[http.tokens]\nroot = '{digest}'\n[[http.token]]\nname = 'shop'\nsha256 = '{digest}'\n"
        "application = 'shop'\nscopes = ['read', 'calls']\n"
    )
    http = load_config(file).http
    owners = {each.name: (each.application, each.scopes) for each in http.owners}
    assert owners == {"shop": ("shop", ("read", "calls")), "root": ("", EVERY_SCOPE)}
    assert http.has_tokens
    token = "[[http.token]]\nname = 'a b'\nsha256 = 'x'\napplication = '-'\nscopes = [{}]\n"
    for scopes in ("", "'all'"):
        keys = {key for key, _ in faults_of(tmp_path, token.format(scopes))}
        assert {each.partition(".scopes")[0] for each in keys} == {
            "http.token[0].sha256",
            "http.token[0].application",
            "http.token[0]",
        }
    good = f"[[http.token]]\nname = 'a'\nsha256 = '{digest}'\n"
    assert faults_of(tmp_path, good + good) == [("http.token", "two of them are called 'a'")]


def test_secrets_of_the_wrong_shape_are_explained_without_their_values(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path,
        """
        [[secret]]
        name = "c r m"
        value = 1234567890
        hosts = []
        vale = "x"
        [[secret]]
        name = "b"
        value = "long-enough"
        hosts = ["https://b.example/"]
        """,
    )
    assert faults == [
        ("secret[0].name", "'c r m' must be 1 to 64 letters, digits, - and _"),
        ("secret[0].hosts", "must list at least one host that the secret is meant for"),
        ("secret[0].value", "must be a string"),
        ("secret[0].vale", "unknown key; did you mean value?"),
        (
            "secret[1].hosts",
            "'https://b.example/' is not a host; write it like \"api.example.com\" or "
            '"api.example.com:8443"',
        ),
    ]


def test_codecs_of_all_calls_and_of_a_trunk_are_chosen_in_order(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_text(
        """
        [rtp]
        codecs = ["opus", "PCMA"]
        [[trunk]]
        name = "carrier"
        uri = "sip:carrier.example"
        codecs = ["G722", "PCMA"]
        """
    )
    config = load_config(file)
    assert config.rtp.codecs == ("opus", "PCMA")
    assert config.codecs == ("opus", "PCMA", "G722")
    assert config.wideband
    assert not Config().wideband


@pytest.mark.parametrize(
    ("codecs", "key", "problem"),
    [
        ('["opus", "G729"]', "rtp.codecs[1]", "must be one of 'opus', 'G722', 'PCMU', 'PCMA', "),
        ("[]", "rtp.codecs", "is empty"),
        ('["PCMU", "PCMU"]', "rtp.codecs", "'PCMU' stands in it twice"),
    ],
)
def test_codecs_that_cannot_be_are_faults(
    tmp_path: Path, codecs: str, key: str, problem: str
) -> None:
    [(found_key, found_problem)] = faults_of(tmp_path, f"[rtp]\ncodecs = {codecs}")
    assert found_key == key
    assert problem in found_problem


def test_certificate_files_are_relative_to_the_configuration(tmp_path: Path) -> None:
    for name in ("server.pem", "server-key.pem"):
        (tmp_path / name).write_text("")
    file = tmp_path / "callstage.toml"
    file.write_text(
        """
        [sip]
        listen = ["tls://127.0.0.1:5061"]
        [sip.tls]
        certificate = "server.pem"
        key = "server-key.pem"
        client_certificates = "required"
        """
    )
    tls = load_config(file).sip.tls
    assert (tls.certificate, tls.key) == (tmp_path / "server.pem", tmp_path / "server-key.pem")
    assert (tls.ca, tls.client_certificates) == (None, "required")


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ('[sip]\nlisten = ["tls://127.0.0.1:0"]', "certificate", "tls://127.0.0.1:0 needs it"),
        ('[sip.tls]\nkey = "k.pem"', "key", "k.pem is not there"),
        ('[sip.tls]\nca = "ca.pem"', "ca", "ca.pem is not there"),
        ('[sip.tls]\nclient_certificates = "yes"', "client_certificates", "must be one of"),
        ('[sip.tls]\ncertificates = "a.pem"', "certificates", "did you mean"),
    ],
)
def test_unusable_certificate_settings(tmp_path: Path, text: str, key: str, problem: str) -> None:
    found = faults_of(tmp_path, text)
    assert any(where == f"sip.tls.{key}" and problem in what for where, what in found), found


def test_origins_are_written_as_browsers_do(tmp_path: Path) -> None:
    file = tmp_path / "callstage.toml"
    file.write_text('[sip.websocket]\norigins = ["https://phone.example.com:8443", "*"]')
    assert load_config(file).sip.websocket.origins == ("https://phone.example.com:8443", "*")
    for wrong in ("phone.example.com", "https://phone.example.com/", "https://Phone.example.com"):
        found = faults_of(tmp_path, f'[sip.websocket]\norigins = ["{wrong}"]')
        assert found[0][0] == "sip.websocket.origins"
        assert "write it as browsers do" in found[0][1]
