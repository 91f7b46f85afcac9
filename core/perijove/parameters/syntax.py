"""Python's own parser, without what it says about other people's code."""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

#: `warnings.catch_warnings` changes the whole process; two threads in it could leave warnings switched off for good.
_PARSING = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Show no warning while the block runs, such as one of an invalid escape in the person's text."""
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(source: str, flags: int = 0) -> ast.Module:
    """Return the syntax tree of Python code.

    Parameters
    ----------
    source : str
        The code.
    flags : int
        As `compile` takes them, beside `ast.PyCF_ONLY_AST`.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        It is not Python that can be read here.
    """
    with quiet():
        tree = compile(source, "<cell>", "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    if not isinstance(tree, ast.Module):
        raise TypeError("compile() made no module")
    return tree
