# ruff: noqa: N802, N815 - ast.NodeVisitor prescribes these names
"""Functions, classes and comprehensions: what has a scope of its own."""

from __future__ import annotations

import ast
from typing import Any

from perijove.notebooks.bindings import Bindings
from perijove.notebooks.facts import FunctionFacts
from perijove.notebooks.scopes import FunctionNode, Scope, bound_names, function_scope, parameters


class Definitions(Bindings):
    """Reads definitions: their heads run now, the bodies of functions later."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Read the head now and the body as run later; then bind the name."""
        with self.inside(_type_parameters(node)):
            self.each(node.decorator_list)
            self.visit(node.args)
            self.each([node.returns])
            facts = self._known(node.name, parameters(node))
        with self.defining(node.name), self.inside(_type_parameters(node)):
            self._body(node, facts)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Read the defaults now and the body as run later; what it changes is taken to change now as well.

        It has no name by which a call of it could be told: it may be called at once, or by what it is given to.
        """
        self.visit(node.args)
        facts = FunctionFacts(parameters(node))
        self._body(node, facts)
        for name in sorted(facts.changed_globals):
            self.change(name)

    def _body(self, node: FunctionNode, facts: FunctionFacts) -> None:
        with self.inside(function_scope(node), facts):
            self.each(node.body if isinstance(node.body, list) else [node.body])

    def _known(self, name: str, names: tuple[str, ...] = ()) -> FunctionFacts:
        """Return fresh facts, remembered under `name` where it is the notebook's own."""
        facts = FunctionFacts(names)
        if all(scope.kind == "comprehension" for scope in self.scopes):
            self.facts.functions[name] = facts
        return facts

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Read the body now, its methods' bodies as run later; then bind the name."""
        with self.inside(_type_parameters(node)):
            self.each([*node.decorator_list, *node.bases, *node.keywords])
            facts = self._known(node.name)
        with self.defining(node.name), self.inside(_type_parameters(node)), self.inside(Scope("class"), facts):
            self.each(node.body)

    def visit_TypeAlias(self, node: Any) -> None:
        """Read the value as run later (Python evaluates it when it is asked for)."""
        with self.inside(_type_parameters(node)), self.inside(Scope("function")):
            self.visit(node.value)
        self.visit(node.name)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """Read the first iterable outside, the rest inside a scope of its own."""
        first, *others = node.generators
        self.visit(first.iter)
        own = {name for item in node.generators for part in ast.walk(item.target) for name in bound_names(part)}
        with self.inside(Scope("comprehension", own)):
            self.each(first.ifs)
            for item in others:
                self.each([item.iter, *item.ifs])
            self.each([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp


def _type_parameters(node: ast.AST) -> Scope:
    """Return the scope of ``[T]`` in ``def f[T]()``; empty before Python 3.12."""
    return Scope("comprehension", {item.name for item in getattr(node, "type_params", [])})
