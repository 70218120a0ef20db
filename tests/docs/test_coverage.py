"""The page about VoxEngine's surface says what the code does."""

from __future__ import annotations

import re

from runtime.api import event_constants
from runtime.api.instead import INSTEAD
from runtime.api.names import NamespaceType, public_names
from runtime.sandbox.absent import no_name
from tests.docs.coverage import DIFFERS, PAGE, WORKS, page, row_of, surface
from tests.docs.differences import DIFFERENCES, WITHOUT_EFFECT


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.coverage"


def test_what_is_there_is_shown_by_a_test() -> None:
    rows = [row_of(entry) for entry in surface()]
    bare = [row.name for row in rows if row.status in (WORKS, DIFFERS) and not row.test]
    told = [name for names in WITHOUT_EFFECT.values() for name in names]
    assert [name for name in bare if name not in told] == []


def test_nothing_is_told_of_what_is_not_there() -> None:
    rows = {entry.section: set[str]() for entry in surface()}
    for entry in surface():
        rows[entry.section].add(entry.name)
    for key in DIFFERENCES:
        section, dot, name = key.rpartition(".")
        known = rows[section] if dot else rows["constants"] | rows["functions"]
        assert name in known, key
    for method, options in WITHOUT_EFFECT.items():
        assert set(options) <= rows[f"{method} options"], method


def test_every_event_of_the_page_s_spaces_is_listed() -> None:
    listed = {(entry.section, entry.name) for entry in surface()}
    for space, thing in vars(event_constants).items():
        if isinstance(thing, NamespaceType):
            assert {(space, name) for name in event_constants.constants(thing).values()} <= listed


def test_what_to_use_instead_names_nothing_that_exists() -> None:
    for key, instead in INSTEAD.items():
        owner, dot, name = key.partition(".")
        if not dot:
            assert no_name("runtime", key, (), unfinished=False).endswith(instead)
        else:
            thing = getattr(event_constants, owner, None)
            assert thing is None or name not in public_names(thing), key
    assert all(re.fullmatch(r"[A-Za-z]\w+(\.\w+)?", key) for key in INSTEAD)
