"""What all commands of a scenario have in common."""

from __future__ import annotations

from typing import ClassVar

import attrs


@attrs.frozen(kw_only=True)
class Command:
    """A scenario's request. `op` names it on the wire; `unit` is the handle it acts on."""

    op: ClassVar[str]
