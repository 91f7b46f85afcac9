"""In which place of a shell command something stands: what is put there has to be quoted for that place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath


class Place(Enum):
    """Where a placeholder stands."""

    PLAIN = "outside all quotes"
    DOUBLE = "in double quotes"
    SINGLE = "in single quotes"
    DOLLAR_SINGLE = "in $'…'"
    COMMENT = "in a comment"
    HEREDOC = "in a heredoc"
    LITERAL_HEREDOC = "in a heredoc whose delimiter is quoted"
    ARITHMETIC = "in arithmetic"
    EVALUATED = "in text that is evaluated again"


_INTERPRETER = re.compile(r"(?:ba|da|z|k|a|fi)?sh|python[\d.]*|perl|ruby|node|Rscript|julia|php")
_PROGRAM_FOLLOWS = re.compile(r"-[A-Za-z]*[ce]")
_EVALUATES = frozenset({"eval", "ssh", "let", "declare", "typeset", "local"})
_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})


@dataclass
class _Level:
    """One level of what is open: ``kind`` is its opening mark, ``words`` are those of the command around it."""

    kind: str
    words: list[str] = field(default_factory=list)
    depth: int = 0


class Scanner:
    """Reads a shell command piece by piece, and knows the place where each piece ends.

    It need not understand all of the shell's grammar: values that are not plain words are put in as references to
    shell variables, which a wrong place would split, but never run (`perijove_agent.work.interpolation`).
    """

    def __init__(self) -> None:
        self._stack = [_Level("")]
        self._words: list[str] = []
        self._word: str | None = None
        self._recent = ""
        self._escaped = False
        self._delimiter_follows = False
        self._strips_tabs = False
        self._heredocs: list[tuple[str, bool, bool]] = []
        self._line = ""

    def feed(self, text: str) -> None:
        """Read on."""
        for character in text:
            self._take(character)
            self._recent = (self._recent + character)[-2:]

    def put(self) -> None:
        """Take note that something was put in here, which is part of a word."""
        self._add("_")
        self._recent = ""

    def place(self, rest: str) -> Place:
        """Return the place that was reached; `rest` is what follows."""
        kind = self._stack[-1].kind
        if kind == "<<":
            return Place.HEREDOC if self._heredocs[0][1] else Place.LITERAL_HEREDOC
        if kind == "#":
            return Place.COMMENT
        if any(level.kind == "((" for level in self._stack):
            return Place.ARITHMETIC
        if self._is_evaluated(rest):
            return Place.EVALUATED
        places = {'"': Place.DOUBLE, "'": Place.SINGLE, "$'": Place.DOLLAR_SINGLE}
        if kind == "${":
            return Place.DOUBLE if self._stack[-2].kind == '"' else Place.PLAIN
        return places.get(kind, Place.PLAIN)

    def _is_evaluated(self, rest: str) -> bool:
        """Return whether what stands here is read as a program or as arithmetic once more, in any command around."""
        if (self._word or "").find("[") > 0 and re.match(r"\w+\[", self._word or ""):
            return True
        commands = [self._words, *(level.words for level in self._stack)]
        for words in commands:
            names = [PurePosixPath(word).name for word in words]
            if not names:
                continue
            if not _EVALUATES.isdisjoint(names):
                return True
            if _PROGRAM_FOLLOWS.fullmatch(words[-1]) and any(_INTERPRETER.fullmatch(name) for name in names):
                return True
            if names[0] == "[[" and not _COMPARES.isdisjoint([*words, *rest.split()]):
                return True
        return False

    def _take(self, character: str) -> None:
        kind = self._stack[-1].kind
        if kind == "<<":
            self._take_heredoc(character)
        elif kind == "#":
            if character == "\n":
                self._stack.pop()
                self._take(character)
        elif kind == "'":
            self._close_at(character, "'")
        elif self._escaped:
            self._escaped = False
            self._add(character)
        elif character == "\\":
            self._escaped = True
            self._add("\\")
        elif kind == "$'":
            self._close_at(character, "'")
        elif kind == "((":
            self._take_arithmetic(character)
        elif kind in {'"', "${"}:
            self._take_quoted(character, '"' if kind == '"' else "}")
        else:
            self._take_plain(character)

    def _close_at(self, character: str, mark: str) -> None:
        self._add(character)
        if character == mark:
            self._stack.pop()

    def _take_quoted(self, character: str, mark: str) -> None:
        if character == mark:
            self._close_at(character, mark)
        elif mark == "}" and character in "\"'":
            self._add(character)
            self._open("$'" if character == "'" and self._recent[-1:] == "$" else character)
        elif not self._opens(character):
            self._add(character)

    def _take_arithmetic(self, character: str) -> None:
        level = self._stack[-1]
        level.depth += (character == "(") - (character == ")")
        if level.depth == 0:
            self._close()

    def _take_plain(self, character: str) -> None:
        if character in "\"'":
            self._add(character)
            self._open("$'" if character == "'" and self._recent[-1:] == "$" else character)
        elif character == "#" and self._word is None:
            self._stack.append(_Level("#"))
        elif self._opens(character):
            pass
        elif character == "(":
            if self._recent[-1:] == "(":
                self._stack[-1].kind, self._stack[-1].depth = "((", 2
            else:
                self._open("(")
        elif character == ")":
            if self._stack[-1].kind == "(":
                self._close()
        elif character in " \t\n;|&<>":
            self._separate(character)
        else:
            self._add(character)

    def _separate(self, character: str) -> None:
        if character == "<" and self._recent[-1:] == "<":
            self._delimiter_follows = not self._delimiter_follows
            return
        if self._delimiter_follows and character in " \t" and self._word is None:
            return
        self._end_word()
        if character in "\n;|&":
            self._words = []
        if character == "\n" and self._heredocs:
            self._stack.append(_Level("<<"))
            self._line = ""

    def _take_heredoc(self, character: str) -> None:
        if character != "\n":
            self._line += character
            return
        delimiter, _, strips = self._heredocs[0]
        if (self._line.lstrip("\t") if strips else self._line) == delimiter:
            self._heredocs.pop(0)
            if not self._heredocs:
                self._stack.pop()
        self._line = ""

    def _opens(self, character: str) -> bool:
        """Open what begins in double quotes as well as outside: ``$(``, ``${`` and a backtick."""
        if character == "`":
            if any(level.kind == "`" for level in self._stack):
                while self._stack[-1].kind != "`":
                    self._stack.pop()
                self._close()
            else:
                self._open("`")
        elif self._recent[-1:] == "$" and character == "(":
            self._open("(")
        elif self._recent[-1:] == "$" and character == "{":
            self._stack.append(_Level("${"))
        else:
            return False
        return True

    def _open(self, kind: str) -> None:
        if kind in {"(", "`"}:
            self._stack.append(_Level(kind, [*self._words]))
            self._words, self._word = [], None
        else:
            self._stack.append(_Level(kind))

    def _close(self) -> None:
        self._words, self._word = self._stack.pop().words, "_"

    def _add(self, character: str) -> None:
        self._word = (self._word or "") + character

    def _end_word(self) -> None:
        if self._word is None:
            return
        if self._delimiter_follows:
            self._delimiter_follows = False
            strips = self._word.startswith("-")
            raw = self._word[1:] if strips else self._word
            bare = re.sub(r"""["'\\]""", "", raw)
            self._heredocs.append((bare, bare == raw, strips))
        else:
            self._words.append(self._word)
        self._word = None
