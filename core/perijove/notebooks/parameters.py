"""A notebook's parameters: found by papermill's inspection of the cell tagged ``parameters``, never by executing it."""

from __future__ import annotations

import ast
import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbformat import NotebookNode
from papermill.exceptions import PapermillException
from papermill.translators import papermill_translators

from perijove import errors
from perijove.notebooks.document import is_python, language_of, tags_of

TAG = "parameters"
INJECTED_TAG = "injected-parameters"
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_OPTIONAL = re.compile(r"^(?:typing\.)?Optional\[(.*)\]$")
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


def inspect_parameters(document: NotebookNode, kernel: str = "") -> list[Parameter]:
    """Return the parameters of a notebook, in order; none where its language can't be inspected.

    Parameters
    ----------
    document : NotebookNode
        The notebook.
    kernel : str, optional
        The kernelspec's name, where it is not the notebook's own.
    """
    cell = next((cell for cell in document.cells if cell.cell_type == "code" and TAG in tags_of(cell)), None)
    if cell is None:
        return []
    try:
        found = _translator(document, kernel).inspect(cell)
    except (NotImplementedError, errors.InvalidParameter):
        return []
    texts = {item.name: _Texts(*item[1:]) for item in found}
    if is_python(document):
        texts = _corrected(cell.source, texts)
    return [_parameter(name, text) for name, text in texts.items()]


def can_inspect(document: NotebookNode, kernel: str = "") -> bool:
    """Return whether papermill can find the parameters of a notebook in this language."""
    try:
        _translator(document, kernel).inspect({"source": ""})
    except (NotImplementedError, errors.InvalidParameter):
        return False
    return True


def parameters_source(document: NotebookNode, values: dict[str, Any], kernel: str = "") -> str:
    """Return the code that sets `values`, in the notebook's language, by papermill's translator.

    Raises
    ------
    perijove.errors.InvalidParameter
        There is no translator for the language, or it has no such type, or a name is none in it.
    """
    for name in values:
        check_name(name, python=is_python(document))
    try:
        return str(_translator(document, kernel).codify(values)).rstrip("\n")
    except NotImplementedError as error:
        raise errors.InvalidParameter(
            f"A value can't be written in {language_of(document)}: {error}.", "Give numbers or text."
        ) from None


def check_name(name: str, *, python: bool = True) -> None:
    """Refuse a name that would be something else than a name once it is written into a cell."""
    if not _NAME.match(name) or (python and ("." in name or keyword.iskeyword(name))):
        raise errors.InvalidParameter(f"{name!r} can't be the name of a parameter.", "Use letters, digits and '_'.")


def _translator(document: NotebookNode, kernel: str) -> Any:
    name = kernel or document.metadata.get("kernelspec", {}).get("name", "")
    try:
        return papermill_translators.find_translator(name, language_of(document))
    except PapermillException:
        raise errors.InvalidParameter(
            f"Parameters can't be set in a notebook in {language_of(document)}: papermill doesn't know the language.",
            "Set them in the notebook itself.",
        ) from None


class _Texts(NamedTuple):
    """What papermill's inspection tells of a parameter; its word for an unknown type is "None"."""

    annotation: str
    default: str
    help: str = ""


def _corrected(source: str, found: dict[str, _Texts]) -> dict[str, _Texts]:
    """Return what the syntax tree says, in its order, with the comments that only papermill reads.

    Papermill's line patterns pass over an annotation such as ``int | None`` and a line with two equals signs, and take
    a statement below an assignment for a part of it.
    """
    try:
        assigned = dict(_assignments(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return found
    for name, texts in assigned.items():
        read = found.get(name, texts)
        annotation = read.annotation if texts.annotation == "None" else texts.annotation
        assigned[name] = _Texts(annotation, texts.default, read.help)
    return assigned


def _assignments(tree: ast.Module) -> Iterator[tuple[str, _Texts]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, _Texts("None", ast.unparse(value))
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                yield name, _Texts(ast.unparse(annotation), ast.unparse(value))


def _parameter(name: str, texts: _Texts) -> Parameter:
    default, inferred = _literal(texts.default)
    written, nullable = _without_none("" if texts.annotation == "None" else texts.annotation)
    base = written.split("[")[0].rpartition(".")[2]
    kind = _TYPES.get(base if written else inferred, "")
    return Parameter(name, kind, default, texts.help, nullable or default is None, annotated=bool(written))


def _literal(source: str) -> tuple[Any, str]:
    """Return the value that `source` writes down, as JSON has it, and its type's name; or else `source` itself."""
    try:
        value = ast.literal_eval(source)
        return json.loads(json.dumps(value)), type(value).__name__
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return source, ""


def _without_none(annotation: str) -> tuple[str, bool]:
    """Return an annotation without its ``| None``, and whether it had one; empty where other types remain."""
    text = annotation.strip("\"' ")
    optional = _OPTIONAL.match(text)
    if optional:
        return optional[1], True
    parts = [part.strip() for part in text.split("|")]
    others = [part for part in parts if part not in {"None", "NoneType"}]
    return others[0] if len(others) == 1 else text if len(parts) == 1 else "|", len(others) < len(parts)
