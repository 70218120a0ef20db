"""Trunks that the rest of the configuration contradicts are told at start-up."""

from __future__ import annotations

import pytest

from runtime.config.settings import SipSettings, SipTlsSettings
from runtime.legs.sip.trunk.setup import outgoing_rules

from .making import trunk

CARRIER = trunk("carrier", certificates=("sbc.carrier.example",))


def test_a_trunk_cannot_be_known_by_a_certificate_that_nobody_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"trunk 'carrier'.*client_certificates"):
        outgoing_rules(SipSettings(), [CARRIER], [])


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_a_trunk_is_known_by_a_certificate_that_is_asked_for(policy: str) -> None:
    settings = SipSettings(tls=SipTlsSettings(client_certificates=policy))
    assert outgoing_rules(settings, [CARRIER], []).trunks == [CARRIER]
