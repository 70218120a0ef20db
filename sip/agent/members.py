"""Which of our users a request comes from: who has to prove it, who did, and who failed to.

Rules: a REGISTER, and a SUBSCRIBE for a mailbox, is always proven. So is a call of a stranger, a
call from an address where a user is registered or of which the owner's gate says so, and a call
whose From claims one of our users; what other peers send outside dialogs is let in as before. A
challenge keeps no state; nothing tells whether a user exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from sip.address import Flow
from sip.auth import DigestAnswer, DigestServer, Lockout, Proof, answer_in
from sip.mailbox import asks_for_mailbox
from sip.message import MessageError, Request
from sip.registrar import RegisterResult, Registrar, RegistrarSettings, User

from .outputs import MustProve, Stranger
from .screening import Verdict

FORBIDDEN = "Forbidden"
"""All that a peer is told that may not talk to us; the log says more."""


@attrs.frozen(kw_only=True)
class Caller:
    """Who sent a request outside any dialog."""

    user: User | None = None
    """None: nobody of ours, and welcome all the same."""
    proved: bool = False
    """By credentials, in this request."""


class Members:
    """The users of one endpoint."""

    def __init__(
        self, settings: RegistrarSettings, secret: bytes, new_salt: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._new_salt = new_salt
        self._digest = DigestServer(settings.realm, secret, algorithms=settings.algorithms)
        self._lockout = Lockout()
        self.registrar = Registrar(settings)

    @classmethod
    def of(cls, settings: RegistrarSettings | None, new_id: Callable[[], str]) -> Members:
        """`new_id` gives random text; it is asked for nothing while there are no users."""
        if settings is None:
            return cls(RegistrarSettings(realm="", users={}, algorithms=()), b"", new_id)
        return cls(settings, (new_id() + new_id()).encode(), new_id)

    def __bool__(self) -> bool:
        """Whether there are users."""
        return bool(self._settings.users)

    def set_users(self, users: Mapping[str, User]) -> list[str]:
        """These from now on. Phones of those who are gone, or have another secret, are forgotten;
        their calls in progress go on. The names of those."""
        before, self._settings = self._settings, attrs.evolve(self._settings, users=users)
        gone = [
            name
            for name, user in before.users.items()
            if name not in users or users[name].secrets != user.secrets
        ]
        for name in gone:
            self.registrar.forget(name)
        return gone

    @property
    def remembered(self) -> int:
        """Entries of all tables that strangers can fill; bounded."""
        return self._lockout.size + len(self._digest.nonces)

    def identify(
        self,
        request: Request,
        flow: Flow,
        now: float,
        admission: Stranger | MustProve | None,
    ) -> Caller | Verdict:
        """Who sent `request`, or what it is answered instead."""
        if request.method not in ("REGISTER", "INVITE") and not asks_for_mailbox(request):
            is_stranger = isinstance(admission, Stranger)
            if is_stranger and not self.registrar.is_known(flow.peer):
                return Verdict(status=403, reason=FORBIDDEN, detail="a stranger without a call")
            return Caller()
        is_proof_due = isinstance(admission, MustProve) or self._settings.challenge_calls
        if not is_proof_due and request.method == "INVITE":
            here = self.registrar.users_at(flow.peer)
            if len(here) == 1:
                return Caller(user=self._settings.users[next(iter(here))])
        if admission is None and not self._must_prove(request, flow):
            return Caller()
        try:
            answer = answer_in(request, self._settings.realm)
        except MessageError as exc:
            return Verdict(status=exc.status, reason=exc.reason)
        if answer is None:
            return self._challenge(request, flow, now)
        return self._judge(request, answer, flow, now)

    def register(self, user: User, request: Request, flow: Flow, now: float) -> RegisterResult:
        """Carry out a REGISTER that `user` has proven."""
        if not user.registers:
            return RegisterResult(status=403, reason=f"{user.name} may call, and not register")
        if request.to.uri.user != user.name:
            why = f"user {user.name} may not register {str(request.to.uri)[:80]}"
            return RegisterResult(status=403, reason=why)
        return self.registrar.register(user, request, flow, now)

    def _must_prove(self, request: Request, flow: Flow) -> bool:
        if request.method in ("REGISTER", "SUBSCRIBE") or self.registrar.is_known(flow.peer):
            return True
        caller = request.from_.uri
        claims_to_be_ours = caller.host.lower() in (
            request.request_uri.host.lower(),
            self._settings.realm.lower(),
        )
        return claims_to_be_ours and caller.user in self._settings.users

    def _judge(
        self, request: Request, answer: DigestAnswer, flow: Flow, now: float
    ) -> Caller | Verdict:
        source, name = flow.peer.host, answer.username
        # one address stands for everybody there: only the user is locked on loopback
        counted = "" if flow.peer.is_loopback else source
        locked = self._lockout.why_locked(name, counted, now)
        if locked is not None:
            return Verdict(status=403, reason=FORBIDDEN, detail=locked, conduct="wrong password")
        user = self._settings.users.get(name)
        secrets = None if user is None else user.secrets
        proof = self._digest.check(request, answer, secrets, source, now)
        if proof is Proof.RIGHT and user is not None:
            self._lockout.succeeded(name, counted, now)
            return Caller(user=user, proved=True)
        if proof is Proof.STALE:
            return self._challenge(request, flow, now, stale=True)
        self._lockout.failed(name[:64], counted, now)
        what = "wrong password of user" if user is not None else "no such user:"
        return attrs.evolve(
            self._challenge(request, flow, now),
            detail=f"{what} {name[:40]!r}",
            conduct="wrong password",
        )

    def _challenge(
        self, request: Request, flow: Flow, now: float, *, stale: bool = False
    ) -> Verdict:
        headers = self._digest.challenges(
            flow.peer.host,
            self._new_salt(),
            now,
            stale=stale,
            user_agent=request.headers.get("User-Agent") or "",
        )
        return Verdict(status=401, reason=None, headers=headers)
