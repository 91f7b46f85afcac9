"""What the cell tagged ``parameters`` declares: read from its syntax tree and the comments behind its statements."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from perijove.parameters.language import TAG, is_python, tags_of
from perijove.parameters.syntax import parse

_OPTIONAL = re.compile(r"^(?:typing\.)?Optional\[(.*)\]$")
#: Where lines end for Python, which knows fewer separators than `str.splitlines`.
_ENDS = re.compile(r"\r\n|\r|\n")
#: How lines begin that are IPython's and not Python's.
_MAGIC = ("%", "!", "?")
#: The types that are checked, by the names annotations have for them.
_TYPES = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    **dict.fromkeys(("list", "List", "Sequence", "tuple", "Tuple"), "list"),
    **dict.fromkeys(("dict", "Dict", "Mapping"), "dict"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter, as its cell declares it.

    Attributes
    ----------
    name : str
        Its name.
    type : str
        ``int``, ``float``, ``bool``, ``str``, ``list`` or ``dict``; empty where it can't be told, then any value goes.
    default : object
        Its default value, or the source text of it where that is an expression.
    help : str
        The comment behind it.
    nullable : bool
        Whether None is among its values.
    annotated : bool
        Whether its type is written down, not taken from its default.
    """

    name: str
    type: str = ""
    default: Any = None
    help: str = ""
    nullable: bool = False
    annotated: bool = False


def inspect_parameters(document: Mapping[str, Any], kernel: str = "") -> list[Parameter]:
    """Return the parameters of a notebook, in order; none where its language can't be inspected, or its cell not read.

    Parameters
    ----------
    document : mapping
        The notebook.
    kernel : str, optional
        The kernelspec's name, where it is not the notebook's own.
    """
    cell = next((cell for cell in document["cells"] if cell["cell_type"] == "code" and TAG in tags_of(cell)), None)
    if cell is None or not is_python(document, kernel):
        return []
    source = "".join(cell["source"])  # a list of lines, as files have it, or a text
    found = {node.name: node for node in _assignments(source)}
    return [*found.values()]


def _assignments(source: str) -> Iterator[Parameter]:
    lines = _ENDS.split(source)
    body = _parsed(source) or _parsed("\n".join("" if line.lstrip().startswith(_MAGIC) else line for line in lines))
    for node, following in zip_longest(body, body[1:]):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _parameter(name, "", value, _comment(node, following, lines))
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                yield _parameter(name, _written(annotation), value, _comment(node, following, lines))


def _parsed(source: str) -> list[ast.stmt]:
    """Return a cell's statements; none if it is no Python."""
    try:
        return parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _comment(node: ast.stmt, following: ast.stmt | None, lines: list[str]) -> str:
    """Return the comment behind a statement, on its last line; empty if another statement comes between."""
    if following is not None and following.lineno == node.end_lineno:
        return ""
    line = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset :].decode(errors="replace")
    return line.partition("#")[2].strip()


def _parameter(name: str, annotation: str, value: ast.expr, comment: str) -> Parameter:
    if comment.startswith("type:"):
        declared, _, comment = comment.removeprefix("type:").strip().partition(" ")
        annotation = annotation or declared
    default, inferred = _literal(value)
    written, nullable = _without_none(annotation)
    base = written.split("[")[0].rpartition(".")[2]
    kind = _TYPES.get(base if written else inferred, "")
    return Parameter(name, kind, default, comment.strip(), nullable or default is None, annotated=bool(written))


def _literal(node: ast.expr) -> tuple[Any, str]:
    """Return the value that an expression writes down, as JSON has it, and its type's name; or else its source."""
    try:
        value = ast.literal_eval(node)
        return json.loads(json.dumps(value)), type(value).__name__
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _written(node), ""


def _written(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return "…"


def _without_none(annotation: str) -> tuple[str, bool]:
    """Return an annotation without its ``| None``, and whether it had one; empty where other types remain."""
    text = annotation.strip("\"' ")
    optional = _OPTIONAL.match(text)
    if optional:
        return optional[1], True
    parts = [part.strip() for part in text.split("|")]
    others = [part for part in parts if part not in {"None", "NoneType"}]
    return others[0] if len(others) == 1 else text if len(parts) == 1 else "|", len(others) < len(parts)
