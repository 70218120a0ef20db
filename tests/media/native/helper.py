"""The compiled helper for tests: made where the package was installed, or a loud skip."""

from __future__ import annotations

import os
import shutil

import pytest

from runtime.media.native.library import Library, Unavailable, load


def helper() -> Library:
    """The helper, or a skip; where there is a C compiler, or in CI, its absence is a failure."""
    try:
        return load()
    except Unavailable as exc:
        if os.environ.get("CI") == "true" or shutil.which("cc"):
            raise
        pytest.skip(str(exc))
