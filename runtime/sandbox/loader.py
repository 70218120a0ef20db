"""Running a bundle: a module table of its own for every session, and its own `__import__`.

Rules: siblings are imported by flat name at any time, the names in policy.IMPORTABLE come from what
is loaded already, everything else is a ModuleNotFoundError that says what there is. Two sessions in
one test process never share a module, even of the same name.
"""

from __future__ import annotations

import base64
import builtins
import linecache
import marshal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, ModuleType
from typing import Any, Final

from runtime import scenario_api
from runtime.sandbox.absent import builtins_instead, no_module, no_name
from runtime.sandbox.frames import ModuleFrame
from runtime.sandbox.policy import IMPORTABLE, SCENARIO_API

MAX_PRINTED: Final = 15_000
"""A print() is one log line."""


class Loader:
    """The modules of one session. `sources` maps each path, as compiled, to its text."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.sources: dict[str, str] = {}
        self._session_id = ""
        self._frames: dict[str, ModuleFrame] = {}
        self._modules: dict[str, ModuleType] = {}
        self._log = log
        self._unfinished: set[str] = set()
        own = {"__import__": self._import, "print": self._print}
        self._builtins = {**vars(builtins), **builtins_instead(), **own}
        self._api = _scenario_api()

    def add(self, frame: ModuleFrame) -> None:
        self._frames[frame.name] = frame
        self.sources[frame.path] = frame.source
        # For scripts that format tracebacks themselves; None = never compared with a file.
        lines = frame.source.splitlines(keepends=True)
        linecache.cache[frame.path] = (len(frame.source), None, lines, frame.path)

    def compiled(self) -> Iterator[tuple[str, bytes]]:
        """Every module's name and code, without running any; SyntaxError, ValueError and the like
        name the file."""
        for name in self._frames:
            yield name, marshal.dumps(self._compile(name))

    def run(self, main: str, session_id: str) -> None:
        """Run the top level of `main`; whatever it raises comes out."""
        self._session_id = session_id
        self._load(main)

    def close(self) -> None:
        """Take this session's modules and sources out of the process-wide tables."""
        for path in self.sources:
            linecache.cache.pop(path, None)
        for module in self._modules.values():
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]

    def _compile(self, name: str) -> CodeType:
        frame = self._frames[name]
        code = compile(frame.source, frame.path, "exec", dont_inherit=True)
        assert isinstance(code, CodeType)
        return code

    def _code(self, name: str) -> CodeType:
        """As a worker of the same zygote compiled it before, or compiled now."""
        ready = self._frames[name].code
        if not ready:
            return self._compile(name)
        code = marshal.loads(base64.b64decode(ready))
        assert isinstance(code, CodeType)
        return code

    def _load(self, name: str) -> ModuleType:
        known = self._modules.get(name)
        if known is not None:
            return known
        code = self._code(name)
        # Unique in the process, because dataclasses and typing look their module up by its name.
        module = ModuleType(f"{name}@{self._session_id}")
        module.__file__ = self._frames[name].path
        module.__dict__["__builtins__"] = self._builtins
        self._modules[name] = sys.modules[module.__name__] = module
        self._unfinished.add(name)
        try:
            exec(code, module.__dict__)
        except BaseException:
            del self._modules[name], sys.modules[module.__name__]
            raise
        finally:
            self._unfinished.discard(name)
        return module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            raise ImportError("files of a scenario import each other by flat name: `import menu`")
        if name in self._frames:
            module = self._load(name)
        elif name == SCENARIO_API:
            module = self._api
        elif name in IMPORTABLE or isinstance(fromlist, list):
            # A list comes from C code of the standard library that imports what it needs.
            return builtins.__import__(name, globals, locals, fromlist or (), 0)
        else:
            raise ModuleNotFoundError(no_module(name, self._frames), name=name)
        for wanted in fromlist or ():
            if wanted != "*" and not hasattr(module, wanted):
                unfinished = name in self._unfinished
                why = no_name(name, wanted, _public(module), unfinished=unfinished)
                raise ImportError(why, name=name)
        return module

    def _print(
        self, *values: object, sep: str | None = " ", file: Any = None, **options: Any
    ) -> None:
        """print() is a log line: standard output belongs to the runtime."""
        if file is not None:
            print(*values, sep=sep, file=file, **options)
        else:
            self._log((" " if sep is None else sep).join(map(str, values))[:MAX_PRINTED])


def _scenario_api() -> ModuleType:
    """What scenarios get as `runtime`: the public names and nothing else."""
    module = ModuleType(SCENARIO_API, scenario_api.__doc__)
    names: list[str] = scenario_api.__all__
    module.__dict__.update({name: getattr(scenario_api, name) for name in names})
    module.__dict__["__all__"] = list(names)
    return module


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]
