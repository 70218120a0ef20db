from runtime.store.database import Database as Database
from runtime.store.database import StoreBusy as StoreBusy
from runtime.store.database import StoreError as StoreError
from runtime.store.database import StoreFull as StoreFull

__all__ = ["Database", "StoreBusy", "StoreError", "StoreFull"]
