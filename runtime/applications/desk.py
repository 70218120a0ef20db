"""Applications: what was uploaded, checked, kept, and served from then on.

An upload is checked in a locked worker, written, and only then served; whatever fails before leaves
all as it was. One change at a time. Sessions that run keep the version they began with.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs
import trio

from runtime.applications.catalogue import Catalogue, rule_row
from runtime.applications.faults import Fault, Kind, Refused, unknown
from runtime.applications.numbers import ApplicationNumbers
from runtime.applications.patterns import LinearPattern
from runtime.applications.reading import check_name
from runtime.applications.shelf import Shelf
from runtime.applications.upload import Upload, read_rules, read_upload
from runtime.decisions.limits import Limits
from runtime.sandbox.bundle import Bundle, BundleError, make_bundle
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Rule
from runtime.store import Database, StoreError
from runtime.store import scenarios as stored
from runtime.store.scenarios import NewVersion, StoredVersion

CHECKERS: Final = 2
"""Uploads that are compiled at once; each is a process that computes."""
TIDY_S: Final = 3_600.0


class Applications:
    """`load` before calls are taken, `run` beside them."""

    def __init__(
        self,
        *,
        store: Database,
        shelf: Shelf,
        registry: SessionRegistry,
        limits: Limits,
        warn: Callable[[str], object],
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self.shelf = shelf
        self.catalogue = Catalogue(registry)
        self.numbers = ApplicationNumbers(store, self.catalogue, wall_time)
        self._store = store
        self._registry = registry
        self._limits = limits
        self._warn = warn
        self._wall_time = wall_time
        self._changing = self.catalogue.changing
        self._checking = trio.CapacityLimiter(CHECKERS)

    # --- begin ----------------------------------------------------------------------------------

    async def load(self) -> None:
        """Serve what was uploaded before. Raises StoreError."""
        current = await self._store.read(stored.current_versions)
        rules = await self._store.read(stored.list_rules)
        used = await self._store.read(stored.used_digests)
        await trio.to_thread.run_sync(self.shelf.remove_versions, used)
        for version in current:
            try:
                bundle = self._bundle(version)
                await trio.to_thread.run_sync(
                    self.shelf.arrange, self.shelf.version_folder(version.digest), version.sounds
                )
            except (BundleError, OSError) as exc:
                self._warn(f"{version.application}/{version.scenario} is not served: {exc}")
                continue
            self.catalogue.put(version, bundle)
        for application, rows in rules.items():
            self._load_rules(application, rows)
        await self.numbers.load()
        self.catalogue.serve()

    def _load_rules(self, application: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rules of a scenario that cannot be served are told and left out, not the others."""
        before = self.catalogue.get(application)
        kept: list[Rule] = []
        for row in rows:
            try:
                if row["scenario"] not in before.bundles:
                    raise ValueError(f"there is no scenario {row['scenario']!r}")
                kept.append(Rule(**row, pattern=LinearPattern(row["to"])))
            except ValueError as exc:
                self._warn(f"rule {row['name']!r} of {application} is not served: {exc}")
        if before.bundles:
            self.catalogue.set_rules(application, kept)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compile ahead what was loaded, then tidy up every hour."""
        task_status.started()
        for application in self.catalogue:
            for bundle in application.bundles.values():
                try:
                    await self._registry.compile(bundle)
                except BundleError as exc:
                    self._warn(f"{exc}; calls to it will fail with this reason")
        while True:
            try:
                used = await self._store.read(stored.used_sounds)
                await trio.to_thread.run_sync(self.shelf.tidy, used, self._wall_time())
            except (StoreError, OSError) as exc:
                self._warn(f"unused sounds are not deleted: {exc}")
            await trio.sleep(TIDY_S)

    # --- scenarios ------------------------------------------------------------------------------

    async def upload(
        self, application: str, scenario: str, body: Any, *, by: str, dry_run: bool
    ) -> dict[str, Any]:
        """Check it, and unless it is a dry run keep and serve it. Raises Refused."""
        check_name("an application", application)
        check_name("a scenario", scenario)
        upload = read_upload(body)
        digest = digest_of(upload)
        try:
            sizes = await trio.to_thread.run_sync(self.shelf.sizes, set(upload.sounds.values()))
            bundle = await self._checked(scenario, upload, digest, sizes, dry_run=dry_run)
            seen = {
                "application": application,
                "scenario": scenario,
                "digest": digest,
                **self._changes(application, scenario, upload),
            }
            if dry_run:
                missing = sorted(set(upload.sounds.values()) - sizes.keys())
                return {**seen, "dry_run": True, "missing_sounds": missing}
            new = NewVersion(
                application=application,
                scenario=scenario,
                digest=digest,
                main=upload.main,
                modules=upload.modules,
                sounds={name: (sha, sizes[sha]) for name, sha in upload.sounds.items()},
                created_at=self._wall_time(),
                created_by=by,
            )
            number, is_new = await self._keep(new, bundle, upload.sounds)
            return {**seen, "version": number, "created": is_new}
        finally:
            self.catalogue.serve()  # code that was compiled and is not kept is forgotten

    async def _keep(
        self, new: NewVersion, bundle: Bundle, sounds: Mapping[str, str]
    ) -> tuple[int, bool]:
        async with self._changing:
            self.catalogue.check_room(new.application, new.scenario, bundle)
            folder = self.shelf.version_folder(new.digest)
            try:
                await trio.to_thread.run_sync(self.shelf.arrange, folder, sounds)
            except OSError as exc:
                raise Refused(Kind.FULL, f"the sounds cannot be kept: {exc.strerror}") from exc
            number, is_new = await self._store.write(partial(stored.add_version, new=new))
            await self._reload()
        return number, is_new

    async def _checked(
        self,
        scenario: str,
        upload: Upload,
        digest: str,
        sizes: Mapping[str, int],
        *,
        dry_run: bool,
    ) -> Bundle:
        faults: list[Fault] = []
        if not dry_run:
            faults += [
                (f"sounds.{name}", f"its content is not here: PUT .../sounds/{sha256} first")
                for name, sha256 in upload.sounds.items()
                if sha256 not in sizes
            ]
        try:
            bundle = self._made(scenario, upload.main, upload.modules, digest)
            async with self._checking:
                await self._registry.compile(bundle)
        except BundleError as exc:
            faults += [("modules", fault) for fault in exc.faults]
            bundle = None
        if faults or bundle is None:
            raise Refused(Kind.INVALID, f"the scenario {scenario!r} is not taken", faults)
        return bundle

    def _changes(self, application: str, scenario: str, upload: Upload) -> dict[str, Any]:
        """Compared with what is served."""
        before = self.catalogue.get(application).versions.get(scenario)
        old = {} if before is None else _files(before.modules, before.sounds)
        new = _files(upload.modules, upload.sounds)
        return {
            "added": sorted(new.keys() - old.keys()),
            "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
            "removed": sorted(old.keys() - new.keys()),
            "same": sorted(name for name in new.keys() & old.keys() if new[name] == old[name]),
        }

    async def versions(self, application: str, scenario: str) -> list[dict[str, Any]]:
        """Newest first. Raises Refused."""
        work = partial(stored.list_versions, application=application, scenario=scenario)
        found = await self._store.read(work)
        if found is None:
            raise unknown(f"{application[:64]} has no scenario {scenario[:64]!r}")
        return found

    async def make_current(self, application: str, scenario: str, number: int) -> None:
        """Serve a version that was uploaded before. Raises Refused."""
        async with self._changing:
            work = partial(
                stored.set_current, application=application, scenario=scenario, number=number
            )
            if not await self._store.write(work):
                what = f"scenario {scenario[:64]!r} in version {number}"
                raise unknown(f"{application[:64]} has no {what}")
            await self._reload()

    async def delete_scenario(self, application: str, scenario: str) -> None:
        """Running sessions go on. Raises Refused, also while a rule names it."""
        async with self._changing:
            named = self.catalogue.naming(application, scenario)
            if named:
                what = f"{scenario!r} is named by {', '.join(named[:10])}"
                raise Refused(Kind.CONFLICT, what)
            work = partial(stored.delete_scenario, application=application, scenario=scenario)
            if not await self._store.write(work):
                raise unknown(f"{application[:64]} has no scenario {scenario[:64]!r}")
            await self._reload()

    # --- rules ----------------------------------------------------------------------------------

    async def set_rules(self, application: str, body: Any, *, dry_run: bool) -> list[Rule]:
        """These instead of those that were there. Raises Refused."""
        async with self._changing:
            there = self.catalogue.known(application)
            rules = read_rules(body, set(there.bundles))
            if not dry_run:
                await self._write_rules(application, rules)
        return rules

    async def set_rule(self, application: str, name: str, body: Any) -> list[Rule]:
        """Instead of the one of this name, or as the last. Raises Refused."""
        async with self._changing:
            there = self.catalogue.known(application)
            given = {**body, "name": name} if isinstance(body, dict) else body
            old = [rule_row(rule) for rule in there.rules]
            at = next((n for n, row in enumerate(old) if row["name"] == name), len(old))
            rules = read_rules({"rules": [*old[:at], given, *old[at + 1 :]]}, set(there.bundles))
            await self._write_rules(application, rules)
        return rules

    async def delete_rule(self, application: str, name: str) -> None:
        """Raises Refused."""
        async with self._changing:
            rules = self.catalogue.known(application).rules
            left = [rule for rule in rules if rule.name != name]
            if len(left) == len(rules):
                raise unknown(f"{application[:64]} has no rule {name[:64]!r}")
            await self._write_rules(application, left)

    async def _write_rules(self, application: str, rules: Sequence[Rule]) -> None:
        rows = [rule_row(rule) for rule in rules]
        work = partial(stored.put_rules, application=application, rows=rows)
        await self._store.write(work)
        self.catalogue.set_rules(application, rules)
        self.catalogue.serve()

    async def _reload(self) -> None:
        """From the database, which has just been changed. Bundles that stay stay the same."""
        current = await self._store.read(stored.current_versions)
        served: list[tuple[StoredVersion, Bundle]] = []
        for version in current:
            same = self.catalogue.get(version.application).bundles.get(version.scenario)
            bundle = same if same and same.version == version.digest else self._bundle(version)
            served.append((version, bundle))
        self.catalogue.replace(served)
        self.catalogue.serve()

    def _bundle(self, version: StoredVersion) -> Bundle:
        return self._made(version.scenario, version.main, version.modules, version.digest)

    def _made(self, name: str, main: str, modules: Mapping[str, str], digest: str) -> Bundle:
        folder = self.shelf.version_folder(digest)
        made = make_bundle(name, modules, main=main, folder=folder, limits=self._limits)
        return attrs.evolve(made, version=digest)


def digest_of(upload: Upload) -> str:
    """Of all that makes a version what it is: workers keep code by it, for all tenants."""
    whole = hashlib.sha256()
    parts = [upload.main]
    for kind in (upload.modules, upload.sounds):
        parts += [part for item in sorted(kind.items()) for part in item] + [f"{len(kind)}"]
    for part in parts:
        data = part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:32]


def _files(modules: Mapping[str, str], sounds: Mapping[str, str]) -> dict[str, str]:
    return {**{f"{name}.py": source for name, source in modules.items()}, **sounds}
