"""The dialog's form, as a JSON Schema that JupyterLab renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from perijove_server.documents import Choices

if TYPE_CHECKING:
    from perijove.model.fleet import Group
    from perijove.parameters import Parameter

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string", "list": "array", "dict": "object"}


def form_schema(groups: Sequence[Group], declared: Sequence[Parameter]) -> dict[str, Any]:
    """Return the form's fields: where, with which parameters, and within which limits."""
    properties: dict[str, Any] = {
        "group": {
            "type": "string",
            "title": "Worker group",
            "oneOf": [{"const": group.name, "title": _describe(group)} for group in groups],
        }
    }
    if any(group.runtime == "docker" for group in groups):
        properties["image"] = {"type": "string", "title": "Image"}
    if declared:
        fields = {parameter.name: _field(parameter) for parameter in declared}
        properties["parameters"] = {"type": "object", "title": "Parameters", "properties": fields}
    properties |= {
        "title": {"type": "string", "title": "Title"},
        "tags": {"type": "array", "title": "Tags", "items": {"type": "string"}},
        "inputs": {
            "type": "object",
            "title": "Inputs",
            "description": "A name, and the URI of a file: datum://, https:// or http://.",
            "additionalProperties": {"type": "string"},
        },
        "environment": {
            "type": "object",
            "title": "Environment variables",
            "additionalProperties": {"type": "string"},
        },
        "time_limit": {"type": "string", "title": "Time limit", "description": "Such as 30m or 2h; empty for none."},
    }
    return {"type": "object", "properties": properties, "required": ["group"]}


def form_values(choices: Choices, groups: Sequence[Group], declared: Sequence[Parameter]) -> dict[str, Any]:
    """Return the form's first values: the last choices, else defaults; parameters that are gone are left out."""
    names = [group.name for group in groups]
    values = choices.model_dump(mode="json", exclude={"no_output_timeout"})
    if choices.group not in names:
        values["group"] = "local" if "local" in names else next(iter(names), "")
    plain = {parameter.name: parameter.default for parameter in declared if _type(parameter)}
    values["parameters"] = {**plain, **{k: v for k, v in choices.parameters.items() if k in plain}}
    return values


def _describe(group: Group) -> str:
    """Say what a group is and whether one would wait."""
    free = f"{group.idle} idle" if group.idle else f"{group.waiting} waiting" if group.waiting else "starts on demand"
    what = group.description or f"{group.runtime}, up to {group.max_workers} workers"
    return f"{group.name}: {what} ({group.isolation}, {free})"


def _type(parameter: Parameter) -> str:
    """Return the JSON Schema type of a parameter that a form can show; empty where it cannot."""
    return _TYPES.get(parameter.type, "") if isinstance(parameter.default, str | int | float | bool) else ""


def _field(parameter: Parameter) -> dict[str, Any]:
    field: dict[str, Any] = {"title": parameter.name}
    if kind := _type(parameter):
        field |= {"type": kind, "default": parameter.default}
    else:
        field |= {"type": "null", "description": "Its default is an expression; set it in the notebook."}
    if parameter.help:
        field["description"] = parameter.help.lstrip("# ")
    return field
