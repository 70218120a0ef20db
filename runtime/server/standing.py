"""How the runtime stands, for /healthz and /metrics: asked of its parts, nothing is kept here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from runtime.config import Config
from runtime.control.figures import EngineFigures, Figures, TrunkFigures
from runtime.legs.sip.gateway import SipGateway
from runtime.media.client import MediaClient
from runtime.server.children import Children
from runtime.session.registry import SessionRegistry
from runtime.store import Database
from sip.address import BoundAddress


@attrs.frozen(kw_only=True)
class ServerStanding:
    """The parts. `bound`: the listeners, once they listen."""

    config: Config
    children: Children
    sip: SipGateway
    store: Database
    registry: SessionRegistry
    bound: Callable[[], Sequence[BoundAddress]]

    def state(self) -> dict[str, Any]:
        """For people."""
        return {
            "sip": [str(each) for each in self.bound()],
            "signalling": self.sip.footprint(),
            "scenarios": sorted(self.registry.routing.bundles),
            "blank_workers": len(self.children.zygote.blank_pids),
            "audio_engine": self.children.engine.means,
            "trunks": self.sip.trunk_states(),
            "sandbox": {
                **self.children.isolation.to_json(),
                "required": self.config.sandbox.require,
            },
        }

    def figures(self) -> Figures:
        """For graphs and alarms."""
        signalling = self.sip.footprint()
        return Figures(
            sandbox=self.children.isolation.level.value,
            engine=_engine(self.children.engine),
            blank_workers=len(self.children.zygote.blank_pids),
            recordings_active=self.children.recordings.active,
            registrations=signalling.pop("registrations", 0),
            trunks={str(each["name"]): _trunk(each) for each in self.sip.trunk_states()},
            signalling=signalling,
            sources_banned=self.sip.sources_banned,
            strangers_turned_away=self.sip.strangers_turned_away,
            store_errors=self.store.errors,
        )


def _engine(engine: MediaClient) -> EngineFigures:
    report, heard = engine.report, engine.heard
    return EngineFigures(
        legs=report.legs,
        frames=report.frames,
        sends_refused=report.sends_refused,
        sends_failed=report.sends_failed,
        cpu_s=report.cpu_s,
        skipped_frames=engine.skipped_frames,
        restarts=engine.restarts,
        packets_sent=heard.sent,
        packets_received=heard.received,
        packets_lost=heard.lost,
    )


def _trunk(state: dict[str, Any]) -> TrunkFigures:
    registration = state["registration"]
    return TrunkFigures(
        up=None if state["state"] == "unknown" else state["state"] == "up",
        registered=None if registration is None else registration["state"] == "registered",
        calls_in=state["calls_in"],
        calls_out=state["calls_out"],
    )
