"""What IPython's magics mean for an analysis that runs none of them.

Magics are found after IPython's own transformer made calls of them:
``%cd x`` → ``get_ipython().run_line_magic('cd', 'x')``.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from IPython.core.inputtransformer2 import TransformerManager

from perijove.parameters import syntax

#: Line magics that change the session for all cells below: they go along.
CONFIGURATION = frozenset(
    {
        "alias",
        "autoreload",
        "cd",
        "conda",
        "config",
        "dotenv",
        "env",
        "gui",
        "load_ext",
        "macro",
        "matplotlib",
        "micromamba",
        "mamba",
        "pip",
        "precision",
        "pushd",
        "popd",
        "reload_ext",
        "set_env",
        "unload_ext",
        "uv",
        "xmode",
    }
)
#: Line magics that may define any name.
DEFINING = frozenset({"pylab", "run", "store"})
#: Magics that are given Python to run in the notebook's namespace.
PYTHON = frozenset({"capture", "debug", "lprun", "memit", "mprun", "prun", "time", "timeit"})
#: Of those, the ones that run it in a namespace of their own.
ISOLATED = frozenset({"timeit", "memit"})
#: Cell magics that write a file other cells may import: they go along.
WRITING = frozenset({"file", "writefile"})
#: Cell magics that neither read nor define a Python name.
FOREIGN = frozenset(
    {
        "HTML",
        "SVG",
        "bash",
        "cmd",
        "html",
        "javascript",
        "js",
        "latex",
        "markdown",
        "perl",
        "pypy",
        "python",
        "python2",
        "python3",
        "ruby",
        "script",
        "sh",
        "svg",
        "sx",
        "system",
        "!",
    }
)
_SHELL = frozenset({"bash", "cmd", "script", "sh", "sx", "system", "!"})
_SHELL_CALLS = frozenset({"system", "getoutput", "getoutput_detail"})
#: One command of a shell line, a program that installs, and how it is told to.
_COMMANDS = re.compile(r"[\n;&|]+")
_INSTALLER = re.compile(r"\b(?:pip3?|uv|conda|mamba|micromamba|apt|apt-get)\b")
_INSTALL = re.compile(r"\b(?:install|add|sync)\b")
_BRACES = re.compile(r"\{([^{}]+)\}")
_DOLLAR = re.compile(r"\$([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Magic:
    """One call that IPython's transformer made of a magic or a shell line."""

    kind: Literal["line", "cell", "shell"]
    name: str
    line: str
    body: str = ""

    @property
    def configures(self) -> bool:
        """Whether it changes the session, the environment or a file for cells below."""
        shell = self.kind == "shell" or self.name in _SHELL
        return (
            (self.kind == "line" and self.name in CONFIGURATION)
            or (self.kind == "cell" and self.name in WRITING)
            or (shell and any(map(_installs, _COMMANDS.split(f"{self.line}\n{self.body}"))))
        )

    @property
    def python(self) -> str:
        """The Python code it is given, without its options; empty if it takes none."""
        if self.name not in PYTHON:
            return ""
        if self.kind == "cell":
            return self.body
        return "" if self.name == "capture" else re.sub(r"^(?:\s*-{1,2}\w+(?:\s+\d+)?)+\s+", "", self.line)

    @property
    def expanded(self) -> list[str]:
        """The Python expressions it asks IPython to fill in: ``{…}`` and ``$name``."""
        return [*_BRACES.findall(self.line), *_DOLLAR.findall(self.line)]


def _installs(command: str) -> bool:
    installer = _INSTALLER.search(command)
    return installer is not None and _INSTALL.search(command, installer.end()) is not None


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a cell's source, magics made calls.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        It is not Python that can be read here.
    """
    with syntax.quiet():
        transformed = TransformerManager().transform_cell(source)
    return syntax.parse(transformed, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def magic_of(call: ast.Call) -> Magic | None:
    """Return the magic that `call` stands for, or None if it is another call."""
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute):
            texts = [item.value for item in call.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        case _:
            return None
    if attribute == "run_line_magic" and texts:
        return Magic("line", texts[0], "".join(texts[1:2]))
    if attribute == "magic" and texts:
        name, _, line = texts[0].lstrip("%").partition(" ")
        return Magic("line", name, line)
    if attribute == "run_cell_magic" and texts:
        return Magic("cell", texts[0], "".join(texts[1:2]), "".join(texts[2:3]))
    if attribute in _SHELL_CALLS:
        return Magic("shell", attribute, "".join(texts[:1]))
    return None
