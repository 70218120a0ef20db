"""Users of the configuration: what the endpoint and a script get of them."""

from __future__ import annotations

import pytest

from runtime.config.trunk import LoginSettings
from runtime.config.users import RegistrarSettings, UserSettings
from runtime.legs.leg import LegIdentity
from runtime.legs.sip.users import Users
from runtime.store.users import StoredUser
from sip.auth import secret_of

BOB = UserSettings(password="correct-horse", display_name="Bob B.")
MD5, SHA = "0" * 32, "f" * 64
SEEN = LegIdentity(
    number="100",
    callerid="president",
    display_name="The President",
    from_uri="sip:president@example.org",
    to_uri="sip:100@192.0.2.1",
)


def test_without_users_nobody_is_known_and_some_can_be_set() -> None:
    users = Users.of(RegistrarSettings(), {})
    assert not users
    assert users.registrar is not None
    assert (users.registrar.users, users.registrar.algorithms) == ({}, ("MD5", "SHA-256"))


def stored(name: str, application: str = "shop") -> StoredUser:
    return StoredUser(
        name=name,
        application=application,
        secrets={"MD5": MD5, "SHA-256": SHA},
        display_name=f"The {name}",
        max_contacts=2,
        changed_at=0.0,
    )


def test_users_that_were_set_stand_beside_those_of_the_configuration_which_win() -> None:
    users = Users.of(RegistrarSettings(), {"bob": BOB})
    everybody = users.set_stored([stored("ann"), stored("bob")])
    assert everybody["ann"].secrets == {"MD5": MD5, "SHA-256": SHA}
    assert everybody["bob"].display_name == BOB.display_name
    assert ("ann" in users, "bob" in users) == (True, True)
    seen = users.identity("ann", SEEN)
    assert (seen.display_name, seen.application) == ("The ann", "shop")
    assert users.identity("bob", SEEN).application == ""
    users.set_stored([])
    assert "ann" not in users


def test_users_are_called_by_their_own_application_and_those_of_the_configuration_by_all() -> None:
    users = Users.of(RegistrarSettings(), {"bob": BOB})
    users.set_stored([stored("ann", "shop")])
    assert [users.may_call(app, "ann") for app in ("shop", "bank", "default", "")] == [
        True,
        False,
        False,
        False,
    ]
    assert (users.may_call("bank", "bob"), users.may_call("bank", "eve")) == (True, False)


def test_the_login_of_a_trunk_is_a_name_that_nobody_else_can_have() -> None:
    login = LoginSettings(user="carrier", password="correct-horse")
    users = Users.of(RegistrarSettings(), {"bob": BOB}, [login])
    users.set_stored([stored("ann")])
    assert users.configured == {"bob", "carrier"}


def test_a_password_becomes_a_secret_for_each_algorithm() -> None:
    users = Users.of(RegistrarSettings(), {"bob": BOB})
    assert users.registrar is not None
    assert users.registrar.algorithms == ("MD5", "SHA-256")
    secrets = users.registrar.users["bob"].secrets
    assert secrets["MD5"] == secret_of("MD5", "bob", "callstage", "correct-horse")
    assert "correct-horse" not in repr(users)
    assert secrets["MD5"] not in repr(users)


def test_what_somebody_has_no_secret_for_is_not_offered() -> None:
    users = Users.of(RegistrarSettings(), {"bob": BOB, "ann": UserSettings(ha1=(MD5.upper(),))})
    assert users.registrar is not None
    assert users.registrar.algorithms == ("MD5",)
    assert users.registrar.users["ann"].secrets == {"MD5": MD5}


def test_users_without_a_common_algorithm_are_a_fault() -> None:
    made = {"ann": UserSettings(ha1=(MD5,)), "cy": UserSettings(ha1=(SHA,))}
    with pytest.raises(ValueError, match="no digest algorithm suits everybody; cy"):
        Users.of(RegistrarSettings(), made)


def test_intervals_that_contradict_each_other_are_a_fault() -> None:
    with pytest.raises(ValueError, match="min_expires_s"):
        Users.of(RegistrarSettings(min_expires_s=100, max_expires_s=60), {"bob": BOB})


def test_short_passwords_are_named_without_the_password() -> None:
    weak = Users.of(RegistrarSettings(), {"bob": BOB, "cy": UserSettings(password="abc12")}).weak
    assert "cy" in weak
    assert "bob" not in weak
    assert "abc12" not in weak


def test_a_proven_caller_is_shown_as_the_user_whatever_its_from_says() -> None:
    users = Users.of(RegistrarSettings(realm="home.example"), {"bob": BOB})
    shown = users.identity("bob", SEEN)
    assert (shown.callerid, shown.display_name) == ("bob", "Bob B.")
    assert (shown.from_uri, shown.client_type) == ("sip:bob@home.example", "user")
    assert (shown.number, shown.to_uri) == (SEEN.number, SEEN.to_uri)
    assert users.identity("", SEEN) is SEEN


def test_the_login_of_a_trunk_is_no_user() -> None:
    login = LoginSettings(user="pbx", password="correct-horse")
    users = Users.of(RegistrarSettings(), {}, [login])
    assert not users
    assert users.registrar is not None
    assert not users.registrar.users["pbx"].registers
    assert users.identity("pbx", SEEN) == SEEN


def test_a_short_password_of_a_login_is_told_as_well() -> None:
    login = LoginSettings(user="pbx", password="abc12")
    assert "pbx" in Users.of(RegistrarSettings(), {"bob": BOB}, [login]).weak
