# ruff: noqa: N802 - ast.NodeVisitor prescribes these names
"""Calls: of methods that change their object, of functions that change what they are given, of magics."""

from __future__ import annotations

import ast
import builtins
import re

from perijove.notebooks.bindings import Bindings
from perijove.notebooks.effects import changes_arguments, changes_receiver
from perijove.notebooks.facts import Call
from perijove.notebooks.magics import DEFINING, FOREIGN, ISOLATED, PYTHON, WRITING, Magic, magic_of, parse
from perijove.notebooks.scopes import is_global

_BUILTINS = frozenset(dir(builtins))
#: Functions through which code reaches names that it doesn't write down.
_DYNAMIC = frozenset({"eval", "exec", "globals", "locals"})
_CAPTURED = re.compile(r"--(?:out|err)[ =]+(\w+)")


class Calls(Bindings):
    """Reads calls.

    Parameters
    ----------
    modules, functions : frozenset of str
        The names that the notebook imports, and those of the functions and classes that it defines.
    """

    def __init__(self, modules: frozenset[str], notebook_functions: frozenset[str]) -> None:
        super().__init__()
        self.modules = modules
        self.notebook_functions = notebook_functions

    def visit_Expr(self, node: ast.Expr) -> None:
        """Tell a call whose value is thrown away from one whose value is kept."""
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self._call(value, discarded=True)
        else:
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        """Read a call whose value is kept."""
        self._call(node, discarded=False)

    def _call(self, node: ast.Call, *, discarded: bool) -> None:
        magic = magic_of(node)
        if magic is not None:
            self._magic(magic)
            return
        self.each([node.func, *node.args, *node.keywords])
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func, discarded=discarded)
        elif isinstance(node.func, ast.Name):
            self._function(node, node.func.id, discarded=discarded)

    def _method(self, node: ast.Call, function: ast.Attribute, *, discarded: bool) -> None:
        receiver = root_name(function)
        is_module = receiver in self.modules and is_global(receiver, self.scopes)
        in_place = any(item.arg == "inplace" and _is_true(item.value) for item in node.keywords)
        if receiver and changes_receiver(
            receiver, function.attr, is_module=is_module, discarded=discarded, in_place=in_place
        ):
            self.change(receiver)
        if is_module and changes_arguments(function.attr, is_method=True, is_builtin=False, discarded=discarded):
            self._change_arguments(node)

    def _function(self, node: ast.Call, name: str, *, discarded: bool) -> None:
        if not is_global(name, self.scopes):
            return
        if name in _DYNAMIC and name not in self.facts.sets:
            self.facts.unknown = f"it calls {name}(), through which it reaches any name"
        if self.is_later:
            for function in self.functions:
                function.calls.add(name)
        else:
            self.facts.calls.append(_call_of(node, name))
        # What the notebook's own functions change is read from their bodies.
        if name not in self.notebook_functions and changes_arguments(
            name, is_method=False, is_builtin=name in _BUILTINS, discarded=discarded
        ):
            self._change_arguments(node)

    def _change_arguments(self, node: ast.Call) -> None:
        for argument in [*node.args, *(item.value for item in node.keywords)]:
            name = root_name(argument)
            if name and name not in self.modules:
                self.change(name)

    def _magic(self, magic: Magic) -> None:
        self.facts.configures |= magic.configures
        if magic.kind == "line" and magic.name in DEFINING:
            self.facts.defines_all = f"it runs %{magic.name}"
        if magic.kind == "cell" and magic.name not in PYTHON | FOREIGN | WRITING:
            self.facts.unknown = f"what the magic %%{magic.name} does is not known"
        for expression in magic.expanded:
            self._expression(expression)
        for name in _CAPTURED.findall(magic.line) if magic.kind == "cell" else []:
            self.bind(name)
        if magic.name in PYTHON:
            self._python(magic)

    def _expression(self, text: str) -> None:
        try:
            self.visit(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:  # braces of the shell's own
            return

    def _python(self, magic: Magic) -> None:
        before = set(self.facts.sets), set(self.facts.may_set)
        self.each(parse(magic.python).body)
        if magic.name in ISOLATED:
            self.facts.sets, self.facts.may_set = before
        words = magic.line.split()
        if magic.name == "capture" and words and words[-1].isidentifier():
            self.bind(words[-1])


def root_name(node: ast.expr) -> str:
    """Return the variable at the root of ``x.a[0].b``, or an empty string where there is none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _call_of(node: ast.Call, name: str) -> Call:
    positional = tuple(root_name(item) or None for item in node.args)
    return Call(name, positional, tuple((item.arg, root_name(item.value)) for item in node.keywords if item.arg))
