"""The state of reading one cell: which names it has used, set and changed so far, and in whose scope it reads."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from perijove.notebooks.facts import CellFacts, FunctionFacts
from perijove.notebooks.scopes import Scope, is_global

#: Modules whose changes (``os.environ``, ``os.chdir``, ``sys.path``) reach cells that never name them.
SESSION_MODULES = frozenset({"os", "sys"})
Block = Callable[[], None]


def _nothing() -> None:
    """Stand for the branch that is not written."""


class Bindings(ast.NodeVisitor):
    """Visits a cell's syntax tree in the order in which Python runs it.

    Attributes
    ----------
    facts : CellFacts
        What is known so far. `facts.sets` holds what is certainly set *at this point*: branches restore and join it.
    scopes : list of Scope
        The scopes around this point, the innermost last; empty for the cell's own statements.
    functions : list of FunctionFacts
        The functions and classes around this point.
    """

    def __init__(self) -> None:
        self.facts = CellFacts()
        self.scopes: list[Scope] = []
        self.functions: list[FunctionFacts] = []

    @property
    def is_later(self) -> bool:
        """Whether this point runs only when a function is called."""
        return any(scope.kind == "function" for scope in self.scopes)

    def use(self, name: str) -> None:
        """Note that `name` is read here."""
        if not is_global(name, self.scopes):
            return
        if self.is_later:
            self.facts.later.add(name)
        # A function's body counts as well: the cell may call it before it goes on to set the name.
        if name not in self.facts.sets:
            self.facts.uses.add(name)

    def bind(self, name: str) -> None:
        """Note that `name` is set here."""
        if self.scopes and name not in self.scopes[-1].shared:
            if self.scopes[-1].kind == "class":
                self.scopes[-1].own.add(name)
            return
        for function in self.functions:
            function.changed_globals.add(name)
        if not self.is_later:
            self.facts.sets.add(name)
            self.facts.may_set.add(name)

    def change(self, name: str) -> None:
        """Note that the object `name` stands for is changed in place here."""
        if not is_global(name, self.scopes):
            for function in self.functions[-1:]:
                function.changed_parameters.update({name} & set(function.parameters))
            return
        self.use(name)
        for function in self.functions:
            function.changed_globals.add(name)
        if not self.is_later:
            self.facts.may_set.add(name)
            self.facts.configures |= name in SESSION_MODULES

    @contextmanager
    def defining(self, name: str) -> Iterator[None]:
        """Read a body that may speak of itself: that it does so needs no earlier function or class of its name."""
        is_used = name in self.facts.uses
        yield
        if not is_used:
            self.facts.uses.discard(name)
        self.bind(name)

    def unset(self, name: str) -> None:
        """Note that `name` is deleted here."""
        self.use(name)
        if not self.scopes:
            self.facts.sets.discard(name)
            self.facts.may_set.discard(name)

    @contextmanager
    def inside(self, scope: Scope, function: FunctionFacts | None = None) -> Iterator[None]:
        """Read what follows inside `scope`, and as part of `function`."""
        self.scopes.append(scope)
        self.functions += [function] if function else []
        yield
        self.scopes.pop()
        del self.functions[len(self.functions) - bool(function) :]

    def either(self, *blocks: Block) -> None:
        """Read branches of which one will run: only what all of them set is certainly set afterwards."""
        before = self.facts.sets
        after = []
        for block in blocks:
            self.facts.sets = set(before)
            block()
            after.append(self.facts.sets)
        self.facts.sets = set.intersection(*after) if after else before

    def perhaps(self, block: Block) -> None:
        """Read what may or may not run."""
        self.either(block, _nothing)

    def block(self, nodes: Iterable[ast.AST | None]) -> Block:
        """Return a branch that visits nodes in turn."""
        return lambda: self.each(nodes)

    def each(self, nodes: Iterable[ast.AST | None]) -> None:
        """Visit nodes in turn."""
        for node in nodes:
            if node is not None:
                self.visit(node)
