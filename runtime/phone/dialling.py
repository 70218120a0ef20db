"""Whom the phone calls and under which name. Pure.

The operator holds this phone, so any `sip:` address may be called; what a script may do is another
matter (legs/sip/route.py).
"""

from __future__ import annotations

import ipaddress

from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.destination import NumberTarget, is_loopback, read_destination
from runtime.legs.sip.headers import script_headers
from runtime.legs.sip.route import OutgoingRoute, read_proxy
from runtime.phone.plan import CallPlan, PlanError
from sip.auth import Credentials
from sip.message import NameAddr, Uri


def phone_route(plan: CallPlan, host: str) -> OutgoingRoute:
    """Raises PlanError for a target, proxy or header that cannot be used."""
    headers = script_headers(plan.headers)
    if headers.complaint:
        raise PlanError(headers.complaint)
    user = plan.auth_user or plan.callerid
    return OutgoingRoute(
        target=target_of(plan),
        from_=NameAddr(
            display_name=plan.display_name, uri=Uri(scheme="sip", user=plan.callerid, host=host)
        ),
        headers=headers.written,
        credentials=Credentials(user, plan.password) if plan.password else None,
        proxy=proxy_of(plan),
        codecs=None,
    )


def target_of(plan: CallPlan) -> Uri:
    try:
        destination = read_destination(plan.target)
    except DialRefused as exc:
        raise PlanError(exc.reason) from exc
    if isinstance(destination, NumberTarget):
        raise PlanError(f"{plan.target}: this phone has no trunk; write sip:number@host")
    return destination.uri


def proxy_of(plan: CallPlan) -> Uri | None:
    try:
        return read_proxy(plan.out_proxy) if plan.out_proxy else None
    except DialRefused as exc:
        raise PlanError(f"out_proxy: {exc.reason}") from exc


def local_address(next_hop: Uri) -> str | None:
    """The address to listen on when the network need not be asked: loopback for loopback."""
    if not is_loopback(next_hop.host):
        return None
    return "::1" if ipaddress.ip_address(next_hop.host).version == 6 else "127.0.0.1"


def dial_request(plan: CallPlan) -> DialRequest:
    """The plan in the words of the port."""
    return DialRequest(
        kind="sip",
        to=plan.target,
        callerid=plan.callerid,
        display_name=plan.display_name,
        timeout_s=plan.timeout_s,
    )
