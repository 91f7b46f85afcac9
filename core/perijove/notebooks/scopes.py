"""Whose name a name is: the notebook's, or one of a function's, a class's or a comprehension's own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Scope:
    """A function's, a class's or a comprehension's names.

    Attributes
    ----------
    kind : str
        ``function``, ``class`` or ``comprehension``.
    own : set of str
        The names bound in it. A function's are known before its body is read, a class's grow as it is read.
    shared : set of str
        The names it declares ``global``.
    """

    kind: str
    own: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)


def is_global(name: str, scopes: list[Scope]) -> bool:
    """Return whether `name`, used inside `scopes` (the innermost last), is the notebook's."""
    for depth, scope in enumerate(reversed(scopes)):
        if name in scope.shared:
            return True
        # A class's names are seen by its own statements, not by its methods.
        if name in scope.own and (scope.kind != "class" or depth == 0):
            return False
    return True


def function_scope(node: FunctionNode) -> Scope:
    """Return the scope of a function's body."""
    body = node.body if isinstance(node.body, list) else [node.body]
    scope = Scope("function", own=set(parameters(node)))
    outer: set[str] = set()
    for item in _own_nodes(body):
        if isinstance(item, ast.Global):
            scope.shared.update(item.names)
        elif isinstance(item, ast.Nonlocal):
            outer.update(item.names)
        else:
            scope.own.update(bound_names(item))
    scope.own -= scope.shared | outer
    return scope


def parameters(node: FunctionNode) -> tuple[str, ...]:
    """Return a function's parameters, in order."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return tuple(argument.arg for argument in [*plain, *extra])


def bound_names(node: ast.AST) -> list[str]:
    """Return the names that this very node binds, its children left aside."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [imported_name(alias) for alias in names if alias.name != "*"]
    return []


def imported_name(alias: ast.alias) -> str:
    """Return the name an import binds: ``import a.b`` binds ``a``."""
    return alias.asname or alias.name.split(".")[0]


def _own_nodes(nodes: list[ast.stmt] | list[ast.expr]) -> Iterator[ast.AST]:
    """Iterate over a body's nodes but those of the functions, classes and comprehensions inside."""
    todo: list[ast.AST] = list(nodes)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):
            todo += [item.target for item in ast.walk(node) if isinstance(item, ast.NamedExpr)]
        elif not isinstance(node, _NESTED):
            todo += ast.iter_child_nodes(node)
