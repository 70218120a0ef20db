"""Reading `callstage.toml`: every fault at once, each with file, key, problem and hint."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from runtime.config.certificates import with_certificate_files
from runtime.config.data_key import with_data_key
from runtime.config.logins import with_trunk_logins
from runtime.config.secrets import with_secret_values
from runtime.config.services import with_mail_password
from runtime.config.settings import Config, OwnLimits
from runtime.config.users import with_passwords
from runtime.decisions.limits import Limits, excesses
from runtime.decisions.problems import Setup

MAX_FILE_BYTES: Final = 1024 * 1024
"""A configuration is written by hand; a larger file is the wrong file."""


@attrs.frozen
class ConfigFault:
    """One thing to mend."""

    file: str
    key: str
    problem: str
    kind: Setup

    def __str__(self) -> str:
        told = ": ".join(part for part in (self.file, self.key, self.problem) if part)
        return f"{told} ({self.kind.number})"


class ConfigError(Exception):
    """A configuration that cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: list[ConfigFault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def load_config(path: Path | None) -> Config:
    """Read and check a file; the defaults for None. Raises ConfigError with all faults."""
    if path is None:
        return Config()
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise _single(path, "", f"cannot be read: {exc.strerror}") from exc
    if len(raw) > MAX_FILE_BYTES:
        raise _single(path, "", f"{len(raw)} bytes; a configuration has at most {MAX_FILE_BYTES}")
    try:
        data = tomllib.loads(raw.decode("utf-8-sig"))  # some editors begin with a mark
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise _single(path, "", f"is not TOML: {exc}") from exc
    try:
        config: Config | None = _converter().structure(data, Config)
        found: list[ConfigFault] = []
    except ClassValidationError as exc:
        config, found = None, list(_flatten(str(path), exc, "", Config))
    found += [ConfigFault(str(path), *excess, Setup.OVER_LIMIT) for excess in _excesses(data)]
    if config is None or found:
        raise ConfigError(found)
    config, missing = with_secret_values(config, path.parent)
    config, unusable = with_certificate_files(config, path.parent)
    users, without = with_passwords(config.users, path.parent)
    mail, unsent = with_mail_password(config.mail, path.parent)
    config = attrs.evolve(config, users=users, mail=mail)
    config, keyless = with_data_key(config, path.parent)
    config, unproven = with_trunk_logins(config, path.parent)
    if missing := [*missing, *unusable, *without, *unsent, *keyless, *unproven]:
        kind = Setup.NOT_USABLE
        raise ConfigError([ConfigFault(str(path), key, what, kind) for key, what in missing])
    return config


def _single(path: Path, key: str, problem: str) -> ConfigError:
    return ConfigError([ConfigFault(str(path), key, problem, Setup.UNREADABLE)])


def _converter() -> cattrs.Converter:
    """Strict: a TOML string is never taken for a number, an unknown key never ignored."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, name in ((str, "a string"), (bool, "true or false"), (int, "a whole number")):
        converter.register_structure_hook(kind, _exactly(kind, name))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, _path)
    converter.register_structure_hook(OwnLimits, lambda value, _: _own_limits(value, converter))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _by_field(cls, converter))
    return converter


def _own_limits(value: Any, converter: cattrs.Converter) -> OwnLimits:
    """Read by the rules of the operator's table; only what is written there counts."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a [table], not {value!r}")
    limits = converter.structure(value, Limits)
    return OwnLimits({name: getattr(limits, name) for name in value})


def _excesses(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Limits of the application above the operator's; nothing where either has faults itself."""
    application = data.get("application", {})
    if not isinstance(application, dict):
        return []
    try:
        operator = _converter().structure(data.get("limits", {}), Limits)
        own = _own_limits(application.get("limits", {}), _converter())
    except (ClassValidationError, ValueError, TypeError):
        return []
    found = excesses(operator, own.given)
    return [(f"application.limits.{name}", problem) for name, problem in found.items()]


def _by_field(cls: type[Any], converter: cattrs.Converter) -> Any:
    """Run each field's own checks as the field is read, so that a fault carries its key."""
    overrides: dict[str, Any] = {
        field.name: override(struct_hook=_checked(field, converter)) for field in attrs.fields(cls)
    }
    return make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **overrides)


def _checked(field: attrs.Attribute[Any], converter: cattrs.Converter) -> Any:
    def structure(value: Any, kind: Any) -> Any:
        _check_shape(value, _without_none(kind))
        try:
            structured = converter.structure(value, kind)
        except ValueError as exc:
            if field.repr:
                raise
            # A password that was written as a number is not for the terminal either.
            raise ValueError(str(exc).partition(", not ")[0]) from None
        if field.validator is not None:
            field.validator(None, field, structured)
        return structured

    return structure


def _without_none(kind: Any) -> Any:
    """What is written where something may be left out."""
    kinds = [each for each in get_args(kind) if each is not NoneType]
    return kinds[0] if len(kinds) == 1 and NoneType in get_args(kind) else kind


def _check_shape(value: Any, kind: Any) -> None:
    """Lists and tables are told apart before their content is looked at."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {value!r}")
        item = get_args(kind)[0]
        if attrs.has(item) and not all(isinstance(entry, dict) for entry in value):
            raise ValueError("must be written as [[table]] entries")
    elif (get_origin(kind) is dict or attrs.has(kind)) and not isinstance(value, dict):
        raise ValueError(f"must be a [table], not {value!r}")
    elif get_origin(kind) is dict and attrs.has(get_args(kind)[1]):
        _check_tables(value)


def _check_tables(value: dict[str, Any]) -> None:
    for name, entry in value.items():
        if not isinstance(entry, dict):
            raise ValueError(f"{name!r} must be a [table]")


def _exactly(kind: type, name: str) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"must be {name}, not {value!r}")
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"must be a number, not {value!r}")
    return float(value)


def _path(value: Any, _: Any) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"must be a path, not {value!r}")
    return Path(value)


def _flatten(file: str, error: BaseException, key: str, cls: Any) -> Iterator[ConfigFault]:
    """Walk cattrs' nested groups down to one fault for each dotted key."""
    if isinstance(error, ForbiddenExtraKeysError):
        for name in sorted(error.extra_fields):
            what = f"unknown key{_hint(name, error.cl)}"
            yield ConfigFault(file, _join(key, name), what, Setup.UNKNOWN_KEY)
    elif isinstance(error, ClassValidationError | IterableValidationError):
        located, others = error.group_exceptions()
        for exception, note in located:
            place = getattr(note, "name", None)
            at = getattr(note, "index", "?")
            index = _join(key, at) if isinstance(at, str) else f"{key}[{at}]"
            inner = _join(key, place) if place is not None else index
            yield from _flatten(file, exception, inner, getattr(note, "type", None))
        for exception in others:
            yield from _flatten(file, exception, key, cls)
    elif isinstance(error, KeyError):
        yield ConfigFault(file, key, "is missing", Setup.BAD_VALUE)
    else:
        yield ConfigFault(file, key, _sentence(error, cls), Setup.BAD_VALUE)


def _sentence(error: BaseException, cls: Any) -> str:
    if str(get_origin(cls)) == "typing.Literal":
        return "must be one of " + ", ".join(repr(choice) for choice in get_args(cls))
    return str(error)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _hint(name: str, cls: type | None) -> str:
    known = [field.name for field in attrs.fields(cls)] if cls is not None else []
    close = difflib.get_close_matches(name, known, n=2)
    if close:
        return "; did you mean " + " or ".join(close) + "?"
    return "; known here: " + ", ".join(known)
