# ruff: noqa: N802, N815 - ast.NodeVisitor prescribes these names
"""Reads one cell's syntax tree into `CellFacts`: every construct of Python that uses, sets or changes a name."""

from __future__ import annotations

import ast
from typing import Any

from perijove.notebooks.bindings import Bindings
from perijove.notebooks.calls import Calls, root_name
from perijove.notebooks.definitions import Definitions
from perijove.notebooks.facts import CellFacts
from perijove.notebooks.magics import parse
from perijove.notebooks.scopes import bound_names, imported_name

__all__ = ["read_cell"]


def read_cell(source: str, modules: frozenset[str] = frozenset(), functions: frozenset[str] = frozenset()) -> CellFacts:
    """Return what a cell uses and defines. It is parsed, never run.

    Parameters
    ----------
    source : str
        The cell's source, with magics.
    modules, functions : frozenset of str
        The names that the notebook imports, and those of the functions and classes that it defines.
    """
    reader = CellReader(modules, functions)
    try:
        reader.visit(parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        return CellFacts(unknown=f"it can't be parsed: {what}{line}")
    reader.facts.may_set -= reader.facts.sets
    return reader.facts


class Statements(Bindings):
    """Statements and expressions that bind names or branch; everything else is visited in its written order."""

    def visit_Name(self, node: ast.Name) -> None:
        """Use, set or delete a name."""
        {ast.Load: self.use, ast.Store: self.bind, ast.Del: self.unset}[type(node.ctx)](node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Read the value before the targets."""
        self.each([node.value, *node.targets])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Use the target, then set it."""
        if isinstance(node.target, ast.Name):
            self.use(node.target.id)
        self.each([node.value, node.target])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Set nothing where there is no value."""
        self.each([node.annotation, node.value])
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind in the scope around the comprehensions."""
        self.visit(node.value)
        scopes = self.scopes
        self.scopes = [scope for scope in scopes if scope.kind != "comprehension"]
        if len(scopes) != len(self.scopes):
            self.perhaps(lambda: self.visit(node.target))
        else:
            self.visit(node.target)
        self.scopes = scopes

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Take a store to an attribute as a change of the object."""
        self._part(node, [node.value])

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Take a store to an item as a change of the object."""
        self._part(node, [node.value, node.slice])

    def _part(self, node: ast.Attribute | ast.Subscript, parts: list[ast.expr]) -> None:
        self.each(parts)
        name = root_name(node)
        if name and not isinstance(node.ctx, ast.Load):
            self.change(name)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind the imported names; a star may bind any."""
        for alias in node.names:
            if alias.name == "*":
                self.facts.defines_all = f"it imports * from {getattr(node, 'module', '')}"
            else:
                self.bind(imported_name(alias))

    visit_ImportFrom = visit_Import

    def visit_Global(self, node: ast.Global) -> None:
        """Declare a name the notebook's, in a class's body; a function's scope knows already."""
        if self.scopes:
            self.scopes[-1].shared.update(node.names)

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        """Branch."""
        self.visit(node.test)
        self.either(*(self.block(_listed(part)) for part in (node.body, node.orelse)))

    visit_IfExp = visit_If

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Stop, perhaps, after the first operand."""
        self.visit(node.values[0])
        self.perhaps(self.block(node.values[1:]))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """Run the body not at all, or often."""
        self.visit(node.iter)
        self.perhaps(self.block([node.target, *node.body]))
        self.perhaps(self.block(node.orelse))

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        """Run the body not at all, or often."""
        self.visit(node.test)
        self.perhaps(self.block(node.body))
        self.perhaps(self.block(node.orelse))

    def visit_Try(self, node: Any) -> None:
        """Run the body, or a part of it and a handler; a handler that raises again goes on nowhere."""
        raising = [handler for handler in node.handlers if isinstance(handler.body[-1], ast.Raise)]
        for handler in raising:
            self.perhaps(self.block([handler]))
        going_on = [self.block([handler]) for handler in node.handlers if handler not in raising]
        self.either(self.block([*node.body, *node.orelse]), *going_on)
        self.each(node.finalbody)

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the exception's name for the handler only."""
        self.each([node.type])
        if node.name and not self.scopes:
            self.facts.sets.add(node.name)
        self.each(node.body)
        if node.name and not self.scopes:
            self.facts.sets.discard(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        """Run one case, or none where no case takes everything."""
        self.visit(node.subject)
        cases = [self.block([case.pattern, case.guard, *case.body]) for case in node.cases]
        last = node.cases[-1]
        takes_all = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        self.either(*cases, *([] if takes_all else [self.block([])]))

    def _pattern(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        self.generic_visit(node)
        for name in bound_names(node):
            self.bind(name)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _pattern


class CellReader(Calls, Statements, Definitions):
    """All of it."""


def _listed(block: Any) -> list[ast.AST]:
    return block if isinstance(block, list) else [block]
