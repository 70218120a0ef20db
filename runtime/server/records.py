"""What the runtime writes down in DATA/callstage.db, and who keeps it in order."""

from __future__ import annotations

import time

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.config.data import parse_size
from runtime.media.recording.recordings import Recordings
from runtime.storage import ApplicationStore
from runtime.store import Database
from runtime.store.history import HistoryWriter
from runtime.store.pairs import StoredPairs
from runtime.store.runs import this_run
from runtime.store.sealing import KeyRing
from runtime.store.upkeep import Upkeep
from runtime.store.vault import KeySource, open_ring


@attrs.frozen(kw_only=True)
class Records:
    """The database, its keys, and the tasks that write to it."""

    store: Database
    ring: KeyRing
    history: HistoryWriter
    upkeep: Upkeep
    storage: ApplicationStore

    @classmethod
    def open(cls, config: Config, recordings: Recordings, log: FilteringBoundLogger) -> Records:
        """Blocks. Raises StoreError, KeyFault, SealBroken."""
        data = config.data.dir.resolve()
        store = Database.open(data)
        ring = open_ring(store, KeySource(config.data.key, config.data.key_file), log.info)
        return cls(
            store=store,
            ring=ring,
            storage=ApplicationStore(StoredPairs(store, ring), warn=log.warning),
            history=HistoryWriter(store, this_run(), time.time, log.warning),
            upkeep=Upkeep(
                store=store,
                timelines=data / "sessions",
                recordings=data / "recordings",
                find=recordings.find,
                recordings_most=(
                    parse_size(config.data.recordings_max)
                    if config.data.recordings_full == "delete-oldest"
                    else None
                ),
                recordings_days=config.data.recordings_days,
                history_days=config.data.history_days,
                wall_time=time.time,
                warn=log.warning,
                tell=log.info,
            ),
        )

    async def start(self, nursery: trio.Nursery) -> None:
        """Before sessions run. Raises StoreError."""
        await self.upkeep.begin()
        await nursery.start(self.history.run)
        await nursery.start(self.upkeep.run)
        await nursery.start(self.storage.run)
