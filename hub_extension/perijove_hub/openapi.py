"""The OpenAPI 3.1 document, made from the route table and the pydantic models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from perijove._version import __version__
from perijove.errors import Forbidden, InvalidRequest, InvalidSpec, PerijoveError, Unauthenticated, Unavailable
from perijove.model.ids import CODE_PATTERN, KEY_PATTERN, NAME_PATTERN, REFERENCE_PATTERN
from perijove_hub.problems import TooSlow
from perijove_hub.route import Route
from perijove_hub.routes import API, API_PREFIX, SERVICE

_REF = "#/components/schemas/{model}"
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "hint")},
        }
    },
}
_TEXT = {"type": "string", "pattern": REFERENCE_PATTERN}
#: What stands for a parameter of a path; everything else is any text.
_IN_PATH: Mapping[str, dict[str, Any]] = {
    "kind": {"type": "string", "enum": ["user", "group"]},
    "code": {"type": "string", "pattern": CODE_PATTERN},
    "group": {"type": "string", "pattern": NAME_PATTERN},
}
Mode = Literal["validation", "serialization"]
Schemas = Mapping[tuple[Any, Mode], dict[str, Any]]


def all_routes() -> list[tuple[str, Route]]:
    """Return every route with its whole path below the service's prefix."""
    return [(API_PREFIX + route.template, route) for route in API] + [(route.template, route) for route in SERVICE]


def document(prefix: str = "/services/perijove/") -> dict[str, Any]:
    """Return the document of a service that lies at `prefix`."""
    schemas, definitions = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for path, route in all_routes():
        paths.setdefault(f"/{path}", {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Perijove",
            "version": __version__,
            "summary": "Versioned remote executions of notebooks, native to JupyterHub",
        },
        "servers": [{"url": prefix.rstrip("/")}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR_SCHEMA, **definitions.get("$defs", {})},
            "securitySchemes": {
                "token": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "`token <Hub token>`; `Bearer <Hub token>` does as well",
                }
            },
        },
    }  # fmt: skip


def _schemas() -> tuple[Schemas, dict[str, Any]]:
    used: set[tuple[type[BaseModel], Mode]] = set()
    for _, route in all_routes():
        if isinstance(route.body, type):
            used.add((route.body, "validation"))
        if isinstance(route.answer, type):
            used.add((route.answer, "serialization"))
    ordered = sorted(used, key=lambda pair: (pair[0].__name__, pair[1]))
    schemas, definitions = models_json_schema(ordered, ref_template=_REF)
    return schemas, definitions


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.path.split("/")[0]],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {**_success(route, schemas), **_failures(route)},
    }
    if route.scope is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs the scope {scope_name(route.scope)}."
    if isinstance(route.body, str):
        operation["requestBody"] = {"required": True, "content": {route.body: {}}}
    elif route.body is not None:
        operation["requestBody"] = {
            "required": True, "content": {"application/json": {"schema": schemas[route.body, "validation"]}},
        }  # fmt: skip
    return operation


def operation_id(route: Route) -> str:
    """Return a name that is the operation's own: ``post_executions_by_execution_stop``."""
    words = re.sub(r"\{(\w+)\*?\}", r"by_\1", route.path)
    return f"{route.method.lower()}_{re.sub(r'[^a-z0-9_]+', '_', words)}"


def scope_name(scope: str) -> str:
    """Return the Hub's name of a scope."""
    return "read:metrics" if scope == "metrics" else f"custom:perijove:{scope}"


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in route.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": _IN_PATH.get(name, _TEXT)}


def _query_parameters(route: Route) -> Iterator[dict[str, Any]]:
    if route.query is None:
        return
    schema = route.query.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    for name, field in schema["properties"].items():
        yield {
            "name": name, "in": "query", "required": name in schema.get("required", ()),
            "description": field.pop("description", ""), "schema": _inlined(field, definitions),
        }  # fmt: skip


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a query parameter's schema with its enums written out: they are not bodies, so no component has them."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"enum": definitions[schema["$ref"].rpartition("/")[2]]["enum"]}
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "title"}


def _header_parameters(route: Route) -> Iterator[dict[str, Any]]:
    if route.idempotent:
        yield {
            "name": "Idempotency-Key", "in": "header", "required": False,
            "schema": {"type": "string", "pattern": KEY_PATTERN, "maxLength": 255},
            "description": "Repeating a request with its key answers what the first one made",
        }  # fmt: skip


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if isinstance(route.answer, str) and route.status != HTTPStatus.FOUND:
        answer["content"] = {route.answer: {}}
    elif isinstance(route.answer, type):
        schema = schemas[route.answer, "serialization"]
        answer["content"] = {"application/json": {"schema": _page_of(schema) if route.paged else schema}}
    return {str(route.status): answer}


def _page_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": schema},
            "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }


def failures(route: Route) -> list[type[PerijoveError]]:
    """Return every error a route may answer with: its own, and those that follow from its kind."""
    found: list[type[PerijoveError]] = [*route.errors]
    if route.scope is not None:
        found += [Unauthenticated, Forbidden, Unavailable]
    if isinstance(route.body, type):
        found += [InvalidRequest, InvalidSpec, route.too_large]
    if route.body is not None:
        found.append(TooSlow)
    if route.query is not None or route.parameters:
        found.append(InvalidRequest)
    return sorted(set(found), key=lambda error: (error.status, code_of(error)))


def code_of(error: type[PerijoveError]) -> str:
    """Return the code an error class answers with."""
    return error().code


def _failures(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for error in failures(route):
        by_status.setdefault(error.status, []).append(code_of(error))
    return {str(status): _failure(codes) for status, codes in by_status.items()}


def _failure(codes: Iterable[str]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Error")}
    return {"description": ", ".join(sorted(set(codes))), "content": {"application/json": {"schema": schema}}}
