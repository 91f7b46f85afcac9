"""``python -m perijove_hub.docs > docs/rest.md``: the REST reference, from the same table as the handlers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from perijove_hub.openapi import all_routes, code_of, document, failures, scope_name
from perijove_hub.route import Route

_HEAD = """\
# REST

<!-- Made by `python -m perijove_hub.docs > docs/rest.md`; a test compares. -->

Everything lies below `/services/perijove/`. The same as an OpenAPI 3.1 document: `api/v1/openapi.json`; as a page that
needs no internet: `api/v1/docs`.

* **Who you are**: `Authorization: token <Hub token>` (`Bearer` does as well). The Hub's cookie works too; writes then
  need its XSRF token in `X-XSRFToken`. Scopes: `custom:perijove:read`, `…:submit` (includes read), `…:admin` (includes
  submit). Routes marked "no token" carry their permission in the URL or body.
* **Errors**: `{"error": {"code", "message", "hint"}}`. What is not yours to see answers like what is not there.
* **Lists**: `{"items": […], "next": cursor or null}`; pass `next` on as `cursor`.
* **Projects** are named by their id, by `owner/name` (in an address the slash is `%2F`), or by a name that only one of
  yours has: else `409 ambiguous_project` lists what it may mean.
* **Idempotency-Key**: a POST repeated with its key answers what the first one made, for a day; another body with it is
  refused, and what was deleted meanwhile is not made again (409). A POST that takes none only sets a state, and may be
  repeated as it is.
* **Events** (`…/events`): server-sent events. `event: record`, `id: <attempt>-<n>`, data: one record's JSON line;
  `event: execution`, data: the execution, first and whenever it changed; `event: end` when it is over and all was
  sent. Connect again with `Last-Event-ID` (or `?after=`) to get what follows. A comment comes every 15 silent seconds.
* **Signed URLs** (`files/…`) are for one object and a limited time; ranges work; what they serve is always a download.
"""


def markdown() -> str:
    """Return the page."""
    sections = [_HEAD]
    for tag, routes in groupby(all_routes(), key=lambda pair: pair[1].path.split("/")[0]):
        sections.append(f"## {tag}\n")
        sections += ["\n".join(_route(path, route)) for path, route in routes]
    sections += ["## Objects\n", *_objects()]
    return "\n".join(sections)


def _route(path: str, route: Route) -> Iterator[str]:
    yield f"### `{route.method} {path}`\n"
    yield f"{route.summary}. {_permission(route)}\n"
    if query := _query(route):
        yield f"{query}\n"
    if route.body is not None:
        yield f"* body: {_named(route.body)}" + (" · takes an `Idempotency-Key`" if route.idempotent else "")
    yield f"* answer: {_answer(route)}"
    codes = [f"`{error.status} {code_of(error)}`" for error in failures(route)]
    yield (f"* errors: {', '.join(dict.fromkeys(codes))}\n" if codes else "")


def _permission(route: Route) -> str:
    return "No token." if route.scope is None else f"Scope `{scope_name(route.scope)}`."


def _query(route: Route) -> str:
    if route.query is None:
        return ""
    fields = route.query.model_fields
    return "\n".join(f"* `?{name}=` {field.description}" for name, field in fields.items())


def _answer(route: Route) -> str:
    if route.answer is None:
        return f"{route.status}, empty"
    what = _named(route.answer)
    return f"{route.status}, {f'a page of {what}' if route.paged else what}"


def _named(shape: type | str) -> str:
    return f"`{shape}`" if isinstance(shape, str) else f"[{shape.__name__}](#{shape.__name__.lower()})"


def _objects() -> Iterator[str]:
    schemas = document()["components"]["schemas"]
    for name, schema in sorted(schemas.items()):
        if name == "Error":
            continue
        yield f"### {name}\n"
        if summary := schema.get("description", "").split("\n\n")[0]:
            yield f"{' '.join(summary.split())}\n"
        yield "\n".join(_fields(schema)) + "\n"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
        return
    required = set(schema.get("required", ()))
    yield "| field | type | |"
    yield "| --- | --- | --- |"
    for name, field in schema.get("properties", {}).items():
        yield f"| `{name}` | {_type(field)} | {'required' if name in required else ''} |"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(one) for one in field["anyOf"]))
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("type", "any"))


if __name__ == "__main__":
    sys.stdout.write(markdown())
