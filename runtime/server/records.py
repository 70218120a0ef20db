"""What the runtime writes down in DATA/callstage.db, and who keeps it in order."""

from __future__ import annotations

import time

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.media.recording.recordings import Recordings
from runtime.store import Database
from runtime.store.history import HistoryWriter
from runtime.store.runs import this_run
from runtime.store.upkeep import Upkeep


@attrs.frozen(kw_only=True)
class Records:
    """The database, and the two tasks that write to it."""

    store: Database
    history: HistoryWriter
    upkeep: Upkeep

    @classmethod
    def open(cls, config: Config, recordings: Recordings, log: FilteringBoundLogger) -> Records:
        """Blocks. Raises StoreError."""
        data = config.data.dir.resolve()
        store = Database.open(data)
        return cls(
            store=store,
            history=HistoryWriter(store, this_run(), time.time, log.warning),
            upkeep=Upkeep(
                store=store,
                timelines=data / "sessions",
                recordings=data / "recordings",
                find=recordings.find,
                recordings_days=config.data.recordings_days,
                history_days=config.data.history_days,
                wall_time=time.time,
                warn=log.warning,
            ),
        )

    async def start(self, nursery: trio.Nursery) -> None:
        """Before sessions run. Raises StoreError."""
        await self.upkeep.begin()
        await nursery.start(self.history.run)
        await nursery.start(self.upkeep.run)
