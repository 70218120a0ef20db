"""Guessing passwords ends soon; a phone that proved itself is not kept out by it."""

from __future__ import annotations

from sip.auth.lockout import (
    LOCK_S,
    MAX_ENTRIES,
    SOURCE_FAILURES,
    USER_FAILURES,
    WINDOW_S,
    Lockout,
)


def test_an_address_that_guesses_is_locked_whatever_name_it_tries() -> None:
    lockout = Lockout()
    for number in range(SOURCE_FAILURES):
        assert lockout.why_locked(f"user{number}", "192.0.2.9", 0.0) is None
        lockout.failed(f"user{number}", "192.0.2.9", 0.0)
    assert "192.0.2.9" in (lockout.why_locked("bob", "192.0.2.9", LOCK_S - 1) or "")
    assert lockout.why_locked("bob", "192.0.2.8", 1.0) is None
    assert lockout.why_locked("bob", "192.0.2.9", LOCK_S) is None


def test_old_failures_are_forgiven() -> None:
    lockout = Lockout()
    for number in range(SOURCE_FAILURES * 2):
        lockout.failed("bob", "192.0.2.9", number * WINDOW_S / (SOURCE_FAILURES - 1))
        assert lockout.why_locked("bob", "192.0.2.9", number * WINDOW_S) is None


def test_a_success_forgives_the_address() -> None:
    lockout = Lockout()
    for _ in range(SOURCE_FAILURES * 3):
        lockout.failed("bob", "192.0.2.9", 0.0)
        lockout.succeeded("bob", "192.0.2.9", 0.0)
    assert lockout.why_locked("ann", "192.0.2.9", 0.0) is None


def test_a_name_that_many_addresses_guess_at_is_locked_but_for_its_own_phone() -> None:
    lockout = Lockout()
    lockout.succeeded("bob", "198.51.100.1", 0.0)
    for number in range(USER_FAILURES):
        lockout.failed("bob", f"192.0.2.{number}", 1.0)
    assert "bob" in (lockout.why_locked("bob", "203.0.113.1", 2.0) or "")
    assert lockout.why_locked("bob", "198.51.100.1", 2.0) is None
    assert lockout.why_locked("ann", "203.0.113.1", 2.0) is None


def test_the_tables_are_bounded() -> None:
    lockout = Lockout()
    for number in range(MAX_ENTRIES + 100):
        lockout.failed(f"user{number}", f"source{number}", 0.0)
        lockout.succeeded(f"user{number}", f"other{number}", 0.0)
    assert lockout.size == 3 * MAX_ENTRIES
