"""Where simulated outgoing calls go: whom the test expects, and what everybody else does.

A call goes to the first unused `expect` that matches, else to the newest `on_dial` that matches,
else it rings and nobody answers: the scenario's own time-out decides, and nothing real is dialled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase

import attrs
import trio

from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused, DialRequest, Headers, Leg, LegIdentity
from runtime.media.port import MediaUnavailable
from runtime.testing.agenda import Agenda
from runtime.testing.callers import REASONS, SimCallee
from runtime.testing.headers import complaint_about
from runtime.testing.legs import SimLeg
from runtime.testing.peers import Stage
from runtime.testing.symbolic_media import SymbolicMedia

DialScript = Callable[[SimCallee], Awaitable[None]]
"""What a called person does; cancelled when the call is over."""

StartScript = Callable[[DialScript, SimCallee], None]


@attrs.frozen
class Refusal:
    """The call is not even placed: no trunk, not permitted."""

    code: int
    reason: str


def answers(
    *,
    after: float = 2.0,
    ring: bool = True,
    says: str = "",
    talks_for: float | None = None,
) -> DialScript:
    """Rings, picks up `after` seconds, says something, and hangs up `talks_for` seconds later."""

    async def script(callee: SimCallee) -> None:
        if ring:
            callee.ring()
        await trio.sleep(after)
        callee.answer()
        if says:
            await callee.says(says)
        if talks_for is not None:
            await trio.sleep(talks_for)
            callee.hang_up()

    return script


def rings() -> DialScript:
    """Rings for ever."""

    async def script(callee: SimCallee) -> None:
        callee.ring()
        await trio.sleep_forever()

    return script


def rejects(code: int, reason: str = "", *, after: float = 0.5) -> DialScript:
    """Refuses with a SIP status, as 603 or 404."""

    async def script(callee: SimCallee) -> None:
        await trio.sleep(after)
        callee.reject(code, reason)

    return script


def busy(*, after: float = 0.5) -> DialScript:
    """Is on the phone: 486."""
    return rejects(486, after=after)


def silent() -> DialScript:
    """Does not even ring."""

    async def script(callee: SimCallee) -> None:
        await trio.sleep_forever()

    return script


def refused(code: int, reason: str = "") -> Refusal:
    """Our own side does not place the call, as without a trunk."""
    return Refusal(code, reason or REASONS.get(code, "Refused"))


class SimDialer:
    """The dialer of a simulation (runtime/legs/leg.py)."""

    def __init__(
        self, agenda: Agenda, media: SymbolicMedia, stage: Stage, start: StartScript
    ) -> None:
        self._agenda = agenda
        self._media = media
        self._stage = stage
        self._start = start
        self._expected: list[tuple[str, SimCallee]] = []
        self._scripts: list[tuple[str, DialScript | Refusal]] = []
        self._users: dict[str, bool] = {}
        self.callees: list[SimCallee] = []
        self.requests: list[DialRequest] = []

    @property
    def unmet(self) -> list[str]:
        """Calls that the test expected and the scenario has not placed."""
        return [pattern for pattern, _ in self._expected]

    def expect(self, pattern: str) -> SimCallee:
        callee = SimCallee(f"callee {pattern}", self._stage)
        self._expected.append((pattern, callee))
        return callee

    def on_dial(self, pattern: str, script: DialScript | Refusal) -> None:
        self._scripts.insert(0, (pattern, script))

    def forget(self) -> None:
        """Drop the record of calls that are over."""
        self.callees = [one for one in self.callees if one.end is None]
        self.requests.clear()

    def nobody_answers(self) -> None:
        """From now on everybody is busy, also those whom the test expects."""
        self._expected.clear()
        self.on_dial("*", busy(after=0))

    def set_user(self, name: str, *, online: bool) -> None:
        self._users[name] = online

    async def dial(self, request: DialRequest) -> Leg:
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        complaint = complaint_about(request.headers)
        if complaint:
            raise DialRefused(Dials.BAD_HEADERS, complaint)
        if request.kind == "user":
            self._check_user(request.to)
        callee = self._expected_callee(request.to)
        script = None if callee else self._script(request.to)
        if isinstance(script, Refusal):
            raise DialRefused(Dials.AS_SIMULATED, script.reason, code=script.code)
        leg = self._leg(request)
        callee = callee or SimCallee(f"callee {request.to}", self._stage)
        callee.dialled(leg, request)
        self.callees.append(callee)
        leg.give_up_after(request.timeout_s)
        if script is not None:
            self._start(script, callee)
        return leg

    def _check_user(self, name: str) -> None:
        """As a registrar does, once the test has said who there is (legs/sip/user_calls.py)."""
        if self._users and name not in self._users:
            raise DialRefused(
                Dials.NO_USER,
                f"no user {name!r} is configured in [users], or set for this application",
            )
        if not self._users.get(name, True):
            raise DialRefused(Dials.USER_AWAY, f"user {name!r} is not registered")

    def _expected_callee(self, to: str) -> SimCallee | None:
        for place, (pattern, callee) in enumerate(self._expected):
            if matches(pattern, to):
                del self._expected[place]
                return callee
        return None

    def _script(self, to: str) -> DialScript | Refusal:
        return next((script for pattern, script in self._scripts if matches(pattern, to)), rings())

    def _leg(self, request: DialRequest) -> SimLeg:
        try:
            media = self._media.open_leg_now()
        except MediaUnavailable as exc:
            raise DialRefused(Dials.NO_AUDIO, str(exc)) from exc
        identity = LegIdentity(
            number=user_part(request.to),
            callerid=request.callerid,
            display_name=request.display_name,
            from_uri=f"sip:{request.callerid}@callstage.sim",
            to_uri=request.to,
            client_type="sip" if request.kind == "conference" else request.kind,
            remote="simulated",
        )
        return SimLeg(
            identity=identity,
            incoming=False,
            media=media,
            agenda=self._agenda,
            invite_headers=_invite_headers(request),
            direct_for=request.direct_for,
        )


def _invite_headers(request: DialRequest) -> Headers:
    taken_over = {"Replaces": request.replaces} if request.replaces else {}
    return {**request.headers, **taken_over}


async def play(script: DialScript, callee: SimCallee) -> None:
    """Run what the callee does, until the call is over."""
    async with trio.open_nursery() as nursery:

        async def until_over() -> None:
            await callee.over()
            nursery.cancel_scope.cancel()

        nursery.start_soon(until_over)
        await script(callee)
        nursery.cancel_scope.cancel()


def user_part(uri: str) -> str:
    """`bob` of `sip:bob@example.com;transport=tcp`; a plain number is itself."""
    address = uri.split(":", 1)[1] if uri.split(":", 1)[0] in ("sip", "sips", "tel") else uri
    return address.split(";", 1)[0].split("@", 1)[0]


def matches(pattern: str, to: str) -> bool:
    """Whether a dialled number or URI is meant: the whole or its user part; `*` for anything."""
    return any(pattern == name or fnmatchcase(name, pattern) for name in (to, user_part(to)))
