"""The OpenAPI document, made of the table of requests; docs/reference/openapi.json is its copy."""

from __future__ import annotations

import re
from typing import Any, Final

from runtime.applications.mailboxes import MAX_MESSAGES
from runtime.control.routes import Endpoint, Table
from runtime.control.scopes import Scope
from runtime.decisions.secrets import MAX_VALUE, MIN_VALUE

TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": MAX_MESSAGES}
RULE: Final = {
    "type": "object",
    "required": ["name", "to", "scenario"],
    "properties": {
        "name": TEXT,
        "to": {"type": "string", "description": "RE2 pattern for the whole dialled user part"},
        "scenario": TEXT,
        "conference": {"type": "boolean", "default": False},
        "custom_data": {"type": "string", "default": ""},
    },
    "additionalProperties": False,
}
SCHEMAS: Final[dict[str, Any]] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "code": {**TEXT, "description": "the number of its kind, as E1101"},
            "errors": {
                "type": "array",
                "items": {"type": "object", "properties": {"field": TEXT, "detail": TEXT}},
            },
        },
    },
    "Start": {
        "type": "object",
        "required": ["scenario"],
        "properties": {"scenario": TEXT, "customData": TEXT},
        "additionalProperties": False,
    },
    "Scenario": {
        "type": "object",
        "required": ["modules"],
        "properties": {
            "modules": {
                "type": "object",
                "description": "Python by module name, without .py",
                "additionalProperties": TEXT,
            },
            "sounds": {
                "type": "object",
                "description": "SHA-256 by file name",
                "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
            "main": {"type": "string", "default": "scenario"},
        },
        "additionalProperties": False,
    },
    "Version": {
        "type": "object",
        "required": ["version"],
        "properties": {"version": {"type": "integer", "minimum": 1}},
    },
    "Rule": RULE,
    "Rules": {
        "type": "object",
        "required": ["rules"],
        "properties": {"rules": {"type": "array", "items": RULE}},
        "additionalProperties": False,
    },
    "Secret": {
        "type": "object",
        "required": ["value", "hosts"],
        "properties": {
            "value": {**TEXT, "minLength": MIN_VALUE, "maxLength": MAX_VALUE, "writeOnly": True},
            "hosts": {
                "type": "array",
                "description": "host (its https and SIP port), or host:port",
                "items": TEXT,
            },
        },
        "additionalProperties": False,
    },
    "User": {
        "type": "object",
        "description": "One of password and ha1 for a new one",
        "properties": {
            "password": {**TEXT, "writeOnly": True},
            "ha1": {
                "type": "array",
                "description": "MD5 and SHA-256 of name:realm:password, in hexadecimal",
                "items": {"type": "string", "pattern": "^([0-9a-f]{32}|[0-9a-f]{64})$"},
                "writeOnly": True,
            },
            "display_name": TEXT,
            "max_contacts": {"type": "integer", "minimum": 1, "maximum": 12, "default": 5},
        },
        "additionalProperties": False,
    },
    "Mailbox": {
        "type": "object",
        "required": ["new"],
        "properties": {
            "new": {**_COUNT, "description": "messages that nobody has heard yet"},
            "old": {**_COUNT, "default": 0},
        },
        "additionalProperties": False,
    },
    "Number": {
        "type": "object",
        "properties": {
            "scenario": {"type": "string", "description": "empty: the rules decide"},
            "custom_data": {"type": "string", "default": ""},
        },
        "additionalProperties": False,
    },
    "Token": {
        "type": "object",
        "required": ["name", "scopes"],
        "properties": {
            "name": TEXT,
            "scopes": {
                "type": "array",
                "items": {"type": "string", "enum": [scope.value for scope in Scope]},
            },
            "application": {
                "type": ["string", "null"],
                "description": "the only one that it reaches; by default all, or that of the "
                "token that makes it",
            },
        },
        "additionalProperties": False,
    },
}
_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


def document(table: Table, version: str) -> dict[str, Any]:
    """For OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for endpoint in table.endpoints:
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Callstage", "version": version},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [
            *(_parameter(name, kind) for name, kind in _PARAMETER.findall(endpoint.path)),
            *({"name": name, "in": "query", "schema": TEXT} for name in endpoint.query),
        ],
        "responses": {
            **{str(status): _answer(endpoint, status) for status in endpoint.statuses},
            "default": _PROBLEM,
        },
    }
    if endpoint.scope is None:
        found["security"] = []
    else:
        found["security"] = [{"token": []}]
        found["x-scope"] = endpoint.scope.value
        found["x-reach"] = endpoint.reach.name.lower()
    if endpoint.body:
        found["requestBody"] = {"required": True, "content": _content(endpoint.body)}
    return found


def _parameter(name: str, kind: str) -> dict[str, Any]:
    schema = {"type": "integer"} if kind == "int" else TEXT
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _answer(endpoint: Endpoint, status: int) -> dict[str, Any]:
    if status in (202, 204):
        return {"description": endpoint.summary}
    return {"description": endpoint.summary, "content": {endpoint.answer: {}}}


def _content(body: str) -> dict[str, Any]:
    if body == "binary":
        return {"application/octet-stream": {}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}


_PROBLEM: Final = {
    "description": "What is wrong, every fault at once",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
