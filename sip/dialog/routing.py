"""From a dialog's route set to the Request-URI, the Route headers and the next hop.

RFC 3261 12.2.1.1 and 16.12: a loose router (its URI has `lr`) leaves the Request-URI alone; for a
strict one the target moves to the end of the routes. URIs are parsed for every decision and only
written back as text.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sip.message import NameAddr, Uri


@attrs.frozen(kw_only=True)
class RoutePlan:
    request_uri: str
    routes: tuple[str, ...]
    """Route header values, in order."""
    next_hop: Uri


def plan_route(target: Uri, route_set: Sequence[NameAddr]) -> RoutePlan:
    """How a request reaches `target` through `route_set`."""
    if not route_set:
        return RoutePlan(request_uri=str(target), routes=(), next_hop=target)
    first = route_set[0].uri
    if "lr" in first.params:
        return RoutePlan(
            request_uri=str(target),
            routes=tuple(str(route) for route in route_set),
            next_hop=first,
        )
    rest = [str(route) for route in route_set[1:]]
    return RoutePlan(
        request_uri=str(as_request_uri(first)),
        routes=(*rest, f"<{target}>"),
        next_hop=first,
    )


def as_request_uri(uri: Uri) -> Uri:
    """Without what a Request-URI must not have (RFC 3261 19.1.1 table 1: headers, method)."""
    if uri.opaque is not None:
        return uri
    return attrs.evolve(uri, headers={}, params=uri.params.without("method"))
