"""Our users as the runtime sees them: configuration in, registrar settings and identities out.

Pure. A caller that has proven to be a user is shown as that user, whatever its From says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import attrs

from runtime.config.passwords import HA1_ALGORITHMS, PasswordSettings
from runtime.config.trunk import LoginSettings
from runtime.config.users import RegistrarSettings, UserSettings
from runtime.legs.leg import LegIdentity
from sip import registrar
from sip.auth import secret_of
from sip.registrar import Binding, User

GOOD_PASSWORD: Final = 8
"""Characters below which a password on a public address is told to the operator."""


class StoredUser(Protocol):
    """A user of an application, as it was set while the runtime served."""

    @property
    def name(self) -> str: ...
    @property
    def application(self) -> str: ...
    @property
    def secrets(self) -> Mapping[str, str]:
        """H(A1) by algorithm, in hexadecimal."""
        ...

    @property
    def display_name(self) -> str: ...
    @property
    def max_contacts(self) -> int: ...


@attrs.define(kw_only=True, eq=False)
class Users:
    """Everybody who may register: those of the configuration, and those that were set since."""

    realm: str = ""
    registrar: registrar.RegistrarSettings | None = None
    """For the endpoint; the users in it are those of the configuration."""
    weak: str = ""
    """What to tell the operator of a public address."""
    _display_names: Mapping[str, str] = attrs.field(factory=dict)
    _applications: Mapping[str, str] = attrs.field(factory=dict)
    """By user name, of those that were set."""

    @classmethod
    def of(
        cls,
        settings: RegistrarSettings,
        users: Mapping[str, UserSettings],
        logins: Sequence[LoginSettings] = (),
    ) -> Users:
        """From configuration; ValueError says what contradicts itself.

        `logins` are those of trunks: they call with a password and are nobody's telephone.
        """
        given = {**users, **{login.user: login for login in logins}}
        short = sorted(n for n, one in given.items() if 0 < len(one.password) < GOOD_PASSWORD)
        listed = ", ".join(short[:10])
        return cls(
            realm=settings.realm,
            display_names={name: user.display_name for name, user in users.items()},
            registrar=registrar_settings(settings, users, logins),
            weak=f"[users]: passwords of {listed} are short and soon guessed" if short else "",
        )

    def __bool__(self) -> bool:
        return bool(self._display_names)

    @property
    def expects_proof(self) -> bool:
        """Whether anybody has a password, a trunk's login included."""
        return bool(self) or (self.registrar is not None and bool(self.registrar.users))

    def __contains__(self, name: object) -> bool:
        return name in self._display_names

    def may_call(self, application: str, name: str) -> bool:
        """Whether scripts of this application may: users of the configuration are everybody's,
        others are there for their own application alone."""
        return name in self and self._applications.get(name, application) == application

    @property
    def configured(self) -> frozenset[str]:
        """Names that nobody else can have, logins of trunks included."""
        return frozenset(self.registrar.users) if self.registrar is not None else frozenset()

    def set_stored(self, stored: Iterable[StoredUser]) -> dict[str, User]:
        """These beside those of the configuration, which win; everybody, for the endpoint."""
        assert self.registrar is not None, "users are set where there is a registrar"
        configured = self.registrar.users
        own = {user.name: user for user in stored if user.name not in configured}
        self._applications = {name: user.application for name, user in own.items()}
        everybody = {**{name: _of_stored(user) for name, user in own.items()}, **configured}
        self._display_names = {
            n: user.display_name for n, user in everybody.items() if user.registers
        }
        return everybody

    def identity(self, name: str, seen: LegIdentity) -> LegIdentity:
        """A call of user `name`, which its INVITE described as `seen`."""
        if name not in self:
            return seen
        return attrs.evolve(
            seen,
            callerid=name,
            display_name=self._display_names.get(name, "") or name,
            application=self._applications.get(name, ""),
            from_uri=f"sip:{name}@{self.realm}",
            client_type="user",
        )


def registrar_settings(
    settings: RegistrarSettings,
    users: Mapping[str, UserSettings],
    logins: Sequence[LoginSettings] = (),
) -> registrar.RegistrarSettings:
    """For the endpoint. ValueError says what contradicts itself."""
    if settings.min_expires_s > settings.max_expires_s:
        raise ValueError("[registrar]: min_expires_s is above max_expires_s")
    made = {name: _user(name, user, settings) for name, user in users.items()}
    made |= {one.user: _login(one, settings) for one in logins}
    algorithms = tuple(
        name for name in settings.digest if all(name in user.secrets for user in made.values())
    )
    if not algorithms:
        lacking = [name for name, user in made.items() if settings.digest[0] not in user.secrets]
        raise ValueError(
            f"[users]: no digest algorithm suits everybody; {', '.join(lacking[:5])} have no ha1 "
            f"for {settings.digest[0]}: give both, MD5 and SHA-256, or a password"
        )
    return registrar.RegistrarSettings(
        realm=settings.realm,
        users=made,
        algorithms=algorithms,
        min_expires_s=settings.min_expires_s,
        max_expires_s=settings.max_expires_s,
        challenge_calls=settings.challenge_calls,
    )


def registrations_view(bindings: Iterable[Binding], now: float) -> list[dict[str, object]]:
    """Who can be reached where, for people and programs; `now` on the trio clock."""
    return [
        {
            "user": one.user,
            "contact": str(one.contact.uri),
            "source": str(one.flow.peer),
            "user_agent": one.user_agent,
            "q": one.q,
            "expires_in_s": round(one.expires_at - now),
        }
        for one in bindings
    ]


def _of_stored(user: StoredUser) -> User:
    return User(
        name=user.name,
        secrets=user.secrets,
        display_name=user.display_name,
        max_contacts=user.max_contacts,
    )


def _login(login: LoginSettings, settings: RegistrarSettings) -> User:
    return User(name=login.user, secrets=_secrets(login.user, login, settings), registers=False)


def _secrets(name: str, given: PasswordSettings, settings: RegistrarSettings) -> Mapping[str, str]:
    """H(A1) by algorithm."""
    if given.ha1:
        return {HA1_ALGORITHMS[len(each)]: each.lower() for each in given.ha1}
    return {each: secret_of(each, name, settings.realm, given.password) for each in settings.digest}


def _user(name: str, user: UserSettings, settings: RegistrarSettings) -> User:
    return User(
        name=name,
        secrets=_secrets(name, user, settings),
        display_name=user.display_name,
        max_contacts=user.max_contacts,
    )
