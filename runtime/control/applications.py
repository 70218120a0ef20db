"""Applications over HTTP: scenarios with their versions, sounds, rules, and what they would do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import attrs
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from runtime.applications.catalogue import rule_row
from runtime.applications.desk import Applications
from runtime.applications.faults import Kind, Refused
from runtime.applications.upload import SHA256
from runtime.control.bodies import flag, json_body
from runtime.control.problem import Problem, problem_response
from runtime.control.scopes import caller_of
from runtime.decisions.problems import Http

PROBLEM: Final = {
    Kind.INVALID: Http.NOT_TAKEN,
    Kind.UNKNOWN: Http.UNKNOWN,
    Kind.CONFLICT: Http.CONFLICT,
    Kind.FULL: Http.FULL,
}
MAX_NUMBER: Final = 9
"""Digits of a version."""


async def on_refused(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Refused)
    return problem_response(PROBLEM[exc.kind], str(exc), exc.faults)


@attrs.frozen
class ApplicationsDoor:
    """`desk` is None where uploads are off."""

    desk: Applications | None

    def _desk(self) -> Applications:
        if self.desk is None:
            raise Problem(
                Http.UPLOADS_OFF,
                "this runtime takes no uploads: start it with --uploads ([server] uploads = true)",
            )
        return self.desk

    async def listing(self, request: Request) -> Response:
        caller, found = caller_of(request), self._desk().catalogue.listing()
        shown = {name: each for name, each in found.items() if caller.reaches(name)}
        return JSONResponse({"applications": shown})

    async def upload(self, request: Request) -> Response:
        dry_run = flag(request, "dry_run")
        done = await self._desk().upload(
            request.path_params["app"],
            request.path_params["scenario"],
            await json_body(request),
            by=caller_of(request).name,
            dry_run=dry_run,
        )
        created = not dry_run and done["created"]
        return JSONResponse(done, HTTPStatus.CREATED if created else HTTPStatus.OK)

    async def sound(self, request: Request) -> Response:
        """One file, by its content; scenarios name it by that."""
        shelf, sha256 = self._desk().shelf, str(request.path_params["sha256"])
        if not SHA256.fullmatch(sha256):
            raise Problem(Http.UNKNOWN, "a sound is called by its SHA-256")
        arriving = await trio.to_thread.run_sync(shelf.begin, sha256)
        try:
            async for piece in request.stream():
                await trio.to_thread.run_sync(arriving.add, piece)
            size = await trio.to_thread.run_sync(arriving.finish)
        except ClientDisconnect:
            raise Problem(Http.BODY_NOT_WHOLE, "the sound did not come whole") from None
        except OSError as exc:
            what = f"the sound cannot be kept: {exc.strerror}"
            raise Problem(Http.FULL, what) from exc
        finally:
            arriving.drop()
        return JSONResponse({"sha256": sha256, "size_bytes": size}, HTTPStatus.CREATED)

    async def versions(self, request: Request) -> Response:
        app, scenario = request.path_params["app"], request.path_params["scenario"]
        found = await self._desk().versions(app, scenario)
        return JSONResponse({"application": app, "scenario": scenario, "versions": found})

    async def make_current(self, request: Request) -> Response:
        """Another version serves from now on, usually the one before."""
        body = await json_body(request)
        number = body.get("version") if isinstance(body, dict) else None
        if type(number) is not int or not 0 < number < 10**MAX_NUMBER:
            what = [("version", "must be the number of a version")]
            raise Problem(Http.BAD_FIELDS, "nothing was changed", errors=what)
        app, scenario = request.path_params["app"], request.path_params["scenario"]
        await self._desk().make_current(app, scenario, number)
        return JSONResponse({"application": app, "scenario": scenario, "version": number})

    async def delete(self, request: Request) -> Response:
        await self._desk().delete_scenario(
            request.path_params["app"], request.path_params["scenario"]
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # --- rules ----------------------------------------------------------------------------------

    async def rules(self, request: Request) -> Response:
        rules = self._desk().catalogue.known(request.path_params["app"]).rules
        return JSONResponse({"rules": [rule_row(rule) for rule in rules]})

    async def set_rules(self, request: Request) -> Response:
        app, body = request.path_params["app"], await json_body(request)
        rules = await self._desk().set_rules(app, body, dry_run=flag(request, "dry_run"))
        return JSONResponse({"rules": [rule_row(rule) for rule in rules]})

    async def set_rule(self, request: Request) -> Response:
        app, name = request.path_params["app"], request.path_params["rule"]
        rules = await self._desk().set_rule(app, name, await json_body(request))
        return JSONResponse({"rules": [rule_row(rule) for rule in rules]})

    async def delete_rule(self, request: Request) -> Response:
        await self._desk().delete_rule(request.path_params["app"], request.path_params["rule"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # --- numbers --------------------------------------------------------------------------------

    async def numbers(self, request: Request) -> Response:
        found = self._desk().numbers.listing(request.path_params["app"])
        return JSONResponse({"numbers": found})

    async def set_number(self, request: Request) -> Response:
        """201 for a new one."""
        app, number = request.path_params["app"], request.path_params["number"]
        shown, is_new = await self._desk().numbers.put(app, number, await json_body(request))
        return JSONResponse(shown, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def delete_number(self, request: Request) -> Response:
        app, number = request.path_params["app"], request.path_params["number"]
        await self._desk().numbers.delete(app, number)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def explain(self, request: Request) -> Response:
        number = request.query_params.get("to", "")
        return JSONResponse(self._desk().catalogue.explain(request.path_params["app"], number))
