"""Our users as the runtime sees them: configuration in, registrar settings and identities out.

Pure. A caller that has proven to be a user is shown as that user, whatever its From says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from runtime.config.passwords import HA1_ALGORITHMS, PasswordSettings
from runtime.config.trunk import LoginSettings
from runtime.config.users import RegistrarSettings, UserSettings
from runtime.legs.leg import LegIdentity
from sip import registrar
from sip.auth import secret_of
from sip.registrar import Binding

GOOD_PASSWORD: Final = 8
"""Characters below which a password on a public address is told to the operator."""


@attrs.frozen(kw_only=True)
class Users:
    """Everybody who may register; empty when nobody is configured."""

    realm: str = ""
    display_names: Mapping[str, str] = attrs.field(factory=dict)
    """By user name."""

    registrar: registrar.RegistrarSettings | None = None
    """For the endpoint."""
    weak: str = ""
    """What to tell the operator of a public address."""

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
        return bool(self.display_names)

    def __contains__(self, name: object) -> bool:
        return name in self.display_names

    def identity(self, name: str, seen: LegIdentity) -> LegIdentity:
        """A call of user `name`, which its INVITE described as `seen`."""
        if name not in self:
            return seen
        return attrs.evolve(
            seen,
            callerid=name,
            display_name=self.display_names.get(name, "") or name,
            from_uri=f"sip:{name}@{self.realm}",
            client_type="user",
        )


def registrar_settings(
    settings: RegistrarSettings,
    users: Mapping[str, UserSettings],
    logins: Sequence[LoginSettings] = (),
) -> registrar.RegistrarSettings | None:
    """For the endpoint; None when nobody has a password. ValueError says what contradicts."""
    if not users and not logins:
        return None
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


def _login(login: LoginSettings, settings: RegistrarSettings) -> registrar.User:
    secrets = _secrets(login.user, login, settings)
    return registrar.User(name=login.user, secrets=secrets, registers=False)


def _secrets(name: str, given: PasswordSettings, settings: RegistrarSettings) -> Mapping[str, str]:
    """H(A1) by algorithm."""
    if given.ha1:
        return {HA1_ALGORITHMS[len(each)]: each.lower() for each in given.ha1}
    return {each: secret_of(each, name, settings.realm, given.password) for each in settings.digest}


def _user(name: str, user: UserSettings, settings: RegistrarSettings) -> registrar.User:
    return registrar.User(
        name=name,
        secrets=_secrets(name, user, settings),
        display_name=user.display_name,
        max_contacts=user.max_contacts,
    )
