"""The `callstage` command: what each verb takes, and which exit code it leaves with.

Exit codes: 0 clean, 1 the thing asked for did not work (a call that failed), 2 bad usage or
configuration, with all faults at once. Nothing is decided here: each verb checks its words and
hands over to one function. Verbs that need a whole runtime or telephone are imported when they are
used: that takes a second, which nobody wants to wait for before a page of help.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import trio
import typer

from runtime.config import Config, ConfigError, ConfigFault, load_config
from runtime.config.settings import LogFormat, Srtp
from runtime.decisions.problems import Setup
from runtime.project import ProjectError, create_project
from runtime.session.serving import Serving
from runtime.verbs import recordings as recordings_verb
from runtime.verbs import remote as remote_verbs
from runtime.verbs import secrets as secrets_verb
from runtime.verbs import users as users_verb
from runtime.verbs.asking import JsonOption
from runtime.verbs.output import command_output

app = typer.Typer(
    name="callstage",
    help="Run, try and test phone calls that are scripted in Python.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

PROJECT_FILE = Path("callstage.toml")
STARTING_OBJECTS = 1_000_000
"""More than a start of the runtime makes."""

Scenarios = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SCENARIO]...",
        help="A .py file, a folder with scenario.py, or a shipped one: scenarios.ivr.",
        show_default=False,
    ),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A callstage.toml.")]
SipOption = Annotated[
    list[str] | None,
    typer.Option("--sip", help="Listen here: udp://HOST:PORT, also tcp, tls, ws, wss; repeatable."),
]
HttpOption = Annotated[str | None, typer.Option("--http", help="HOST:PORT of the HTTP interface.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder for recordings and timelines.")
]
RtpPortsOption = Annotated[str | None, typer.Option("--rtp-ports", help="A-B, for audio.")]
RtpHostOption = Annotated[str | None, typer.Option("--rtp-host", help="Local address for audio.")]
NetAllowOption = Annotated[
    list[str] | None,
    typer.Option("--net-allow", help="Network (CIDR) that scripts may reach; repeatable."),
]
LogOption = Annotated[LogFormat, typer.Option("--log-format", help="Of standard error.")]


def fail(*lines: str) -> NoReturn:
    """Bad usage or configuration: every fault, then exit code 2."""
    for line in lines:
        typer.echo(f"callstage: {line}", err=True)
    raise typer.Exit(2)


@attrs.frozen(kw_only=True)
class Overrides:
    """What the command line says over the configuration file; None = nothing."""

    sip: list[str] | None = None
    http: str | None = None
    data: Path | None = None
    rtp_ports: str | None = None
    rtp_host: str | None = None
    net_allow: list[str] | None = None
    uploads: bool = False

    def over(self, file: Path | None) -> Config:
        """The file with these on top. Ends the command when either has faults, showing all."""
        faults: list[ConfigFault] = []
        config = Config()
        try:
            config = load_config(file)
        except ConfigError as exc:
            faults += exc.faults

        def put(section: Any, option: str, **values: Any) -> Any:
            given = {name: value for name, value in values.items() if value is not None}
            try:
                return attrs.evolve(section, **given)
            except ValueError as exc:
                faults.append(ConfigFault("command line", option, str(exc), Setup.BAD_OPTION))
                return section

        rtp = put(config.rtp, "--rtp-ports", ports=self.rtp_ports)
        config = attrs.evolve(
            config,
            sip=put(config.sip, "--sip", listen=tuple(self.sip) if self.sip else None),
            http=put(config.http, "--http", listen=self.http),
            data=put(config.data, "--data", dir=self.data),
            rtp=put(rtp, "--rtp-host", host=self.rtp_host),
            net=put(
                config.net, "--net-allow", allow=tuple(self.net_allow) if self.net_allow else None
            ),
        )
        if self.uploads:
            config = attrs.evolve(config, server=attrs.evolve(config.server, uploads=True))
        if faults:
            fail(*map(str, faults))
        return config


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"callstage {metadata.version('callstage')}")
        raise typer.Exit


@app.callback()
def _callstage(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell it and leave."),
    ] = False,
) -> None:
    """Run, try and test phone calls that are scripted in Python."""


@app.command()
def run(
    scenarios: Scenarios = None,
    config: ConfigOption = None,
    sip: SipOption = None,
    http: HttpOption = None,
    data: DataOption = None,
    rtp_ports: RtpPortsOption = None,
    rtp_host: RtpHostOption = None,
    net_allow: NetAllowOption = None,
    uploads: Annotated[
        bool, typer.Option("--uploads", help="Take scenarios and rules over HTTP.")
    ] = False,
    log_format: LogOption = "text",
) -> None:
    """Take calls until SIGTERM; prints one line when everything listens."""
    _look_for_no_garbage()
    from runtime.verbs import run as run_verb

    overrides = Overrides(
        sip=sip,
        http=http,
        data=data,
        rtp_ports=rtp_ports,
        rtp_host=rtp_host,
        net_allow=net_allow,
        uploads=uploads,
    )
    settings = overrides.over(config)
    base = config.parent if config is not None else Path()
    serving = Serving(
        scenarios=tuple(scenarios or ()),
        rules=settings.rule,
        base=base,
        uploads=settings.server.uploads,
        limits=settings.application_limits,
    )
    _leave(trio.run(run_verb.run, settings, serving, log_format))


@app.command()
def dev(
    scenario: Annotated[str, typer.Argument(help="A .py file or a folder.")] = ".",
    sip: SipOption = None,
    http: HttpOption = None,
    data: DataOption = None,
    log_format: LogOption = "text",
) -> None:
    """As run, on loopback, with reload on save: new calls take the new code."""
    _look_for_no_garbage()
    from runtime.verbs import run as run_verb

    file = PROJECT_FILE if PROJECT_FILE.is_file() else None
    settings = Overrides(sip=sip, http=http, data=data).over(file)
    limits = settings.application_limits
    serving = Serving(scenarios=(scenario,), rules=(), base=Path(), limits=limits)
    _leave(trio.run(run_verb.dev, settings, serving, log_format))


@app.command()
def demo(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Start the runtime with a shipped IVR, call it, press digits, and show what happened."""
    from runtime.verbs import demo as demo_verb

    folder = Overrides(data=data).over(None).data.dir
    _leave(trio.run(partial(demo_verb.demo, folder, as_json=as_json)))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The folder to make.")], as_json: JsonOption = False
) -> None:
    """Make a project: scenario.py, test_scenario.py, callstage.toml."""
    try:
        files = create_project(Path(), name)
    except ProjectError as exc:
        fail(str(exc))
    if as_json:
        typer.echo(json.dumps({"made": [str(file) for file in files]}))
        return
    for file in files:
        typer.echo(f"made {file}")
    typer.echo(f"next: cd {name} && callstage dev      (and in another terminal:)")
    typer.echo(f"      callstage call sip:{name}@127.0.0.1 --digits 7")
    typer.echo("      pytest")


@app.command()
def call(
    target: Annotated[str, typer.Argument(help="Whom to call: sip:name@host[:port].")],
    play: Annotated[Path | None, typer.Option(help="Sound file to speak with.")] = None,
    record: Annotated[Path | None, typer.Option(help="Where to write what is heard (wav).")] = None,
    digits: Annotated[str, typer.Option(help="Keys to press; , and p pause.")] = "",
    for_s: Annotated[
        float | None, typer.Option("--for", min=0, help="Hang up after so many seconds.")
    ] = None,
    user: Annotated[str, typer.Option(help="Name for digest authentication.")] = "",
    password: Annotated[str, typer.Option(envvar="CALLSTAGE_PASSWORD", help="Its password.")] = "",
    codecs: Annotated[
        str, typer.Option(help="What to offer, best first: opus,G722,PCMU,PCMA,L16,L16/8000.")
    ] = "PCMU,PCMA",
    srtp: Annotated[
        Srtp, typer.Option(help="Encrypt the audio; optional: if the peer can.")
    ] = "off",
    ca: Annotated[
        Path | None, typer.Option(help="Over TLS: the authority to believe (PEM file).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Place a call with a small SIP phone, and tell what was heard."""
    from runtime.verbs import call as call_verb

    try:
        offered = call_verb.codecs_of(codecs)
    except ValueError as exc:
        fail(str(exc))
    request = call_verb.CallRequest(
        target=target,
        play=play,
        record=record,
        digits=digits,
        for_s=for_s,
        user=user,
        password=password,
        codecs=offered,
        srtp=srtp,
        as_json=as_json,
        ca=ca,
    )
    _leave(trio.run(call_verb.call, request))


@app.command()
def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Try how well scripts are locked on this machine, and tell what `run` makes of it."""
    from runtime.verbs import doctor as doctor_verb

    settings = Overrides().over(config)
    _leave(trio.run(partial(doctor_verb.doctor, settings, as_json=as_json)))


@app.command()
def explain(
    number: Annotated[str, typer.Argument(help="A telephone number, or sip:user@host.")],
    caller: Annotated[str, typer.Option("--from", help="Who calls.")] = "",
    trunk: Annotated[str, typer.Option(help="The trunk that the call comes from.")] = "",
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell what would become of calls to a number, both ways, and why; nothing is called."""
    from runtime.verbs import explain as explain_verb

    file = config or (PROJECT_FILE if PROJECT_FILE.is_file() else None)
    question = explain_verb.Question(number=number, caller=caller, trunk=trunk)
    try:
        explain_verb.explain(Overrides().over(file), question, as_json=as_json)
    except explain_verb.Unexplainable as exc:
        fail(str(exc))


remote_verbs.add_commands(app)
app.add_typer(secrets_verb.app, name="secrets")
app.add_typer(recordings_verb.app, name="recordings")
app.add_typer(users_verb.users, name="users")
app.add_typer(users_verb.numbers, name="numbers")
key_app = typer.Typer(
    help="The key that seals what is stored; while no runtime uses it.", no_args_is_help=True
)
app.add_typer(key_app, name="key")


@key_app.command("new")
def key_new(as_json: JsonOption = False) -> None:
    """Print a new key, for [data] key_file or key_env."""
    from runtime.verbs import key as key_verb

    key_verb.new(as_json=as_json)


@key_app.command("rotate")
def key_rotate(
    config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Put a new key first into the key file; the next start seals everything with it."""
    from runtime.verbs import key as key_verb

    _with_keys(partial(key_verb.rotate, _own(config, data), as_json=as_json))


@key_app.command("forget")
def key_forget(
    config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Delete what was sealed with a key that is lost: secrets, pairs, users."""
    from runtime.verbs import key as key_verb

    _with_keys(partial(key_verb.give_up, _own(config, data), as_json=as_json))


def _own(config: Path | None, data: Path | None) -> Config:
    file = config or (PROJECT_FILE if PROJECT_FILE.is_file() else None)
    return Overrides(data=data).over(file)


def _with_keys(work: Callable[[], None]) -> None:
    from runtime.verbs import key as key_verb

    try:
        work()
    except key_verb.FAULTS as exc:
        fail(str(exc))


def _look_for_no_garbage() -> None:
    """Not while the runtime starts, where nothing is garbage and looking is an eighth of the work.
    It sets its own thresholds when it has started (runtime/server/memory.py)."""
    gc.set_threshold(STARTING_OBJECTS)


def _leave(status: int) -> None:
    if status:
        raise typer.Exit(status)


def main() -> None:
    """The entry point of the distribution."""
    try:
        command_output(app)
    finally:
        gc.freeze()  # at the exit nobody needs to look for garbage, either
