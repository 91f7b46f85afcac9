"""In which place of a shell command something stands: what is put there has to be quoted for that place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from perijove_agent.work.evaluating import compares_numbers, evaluates, reads_code, reads_file_as_code


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


_QUOTED = {'"': Place.DOUBLE, "'": Place.SINGLE, "$'": Place.DOLLAR_SINGLE}
_ARITHMETIC = frozenset({"((", "$["})
#: What stands between ``${`` and arithmetic: a subscript, or the first of a substring's numbers.
_COUNTS = re.compile(r"[!#]?\w+\[|\w+:(?![-=?+])")
#: Words that end a compound command, whose whole output a pipe takes.
_ENDS_COMPOUND = frozenset({"done", "fi", "esac", "}"})


@dataclass(eq=False)
class _Pipeline:
    """Commands that are joined by pipes: the words of each."""

    commands: list[list[str]] = field(default_factory=lambda: [[]])


@dataclass(frozen=True)
class _Position:
    """A place in a pipeline: the command that it is in, and what redirects it there, such as ``<<<``."""

    pipeline: _Pipeline
    command: int
    redirection: str = ""

    @property
    def words(self) -> list[str]:
        return self.pipeline.commands[self.command]

    def is_read_as_code(self) -> bool:
        """Return whether what stands here becomes the standard input of a command that reads code from it."""
        begin = self.command if self.redirection.startswith("<<") else self.command + 1
        return any(reads_code(words) for words in self.pipeline.commands[begin:])


@dataclass
class _Heredoc:
    delimiter: str
    is_literal: bool
    strips_tabs: bool
    reader: _Position


@dataclass
class _Level:
    """One level of what is open: `kind` is its opening mark; a substitution keeps what is around it."""

    kind: str
    outside: _Position | None = None
    word: str = ""
    text: str = ""
    depth: int = 0


@dataclass
class Spot:
    """Where something is put in; `place` is known when the whole command was read.

    Attributes
    ----------
    kind : Place
        What is open there, whatever reads it.
    positions : list
        The commands that it is a part of, or that are around it.
    delimiter : str
        What ends the heredoc that it is in, if it is in a literal one.
    """

    kind: Place
    positions: list[_Position]
    delimiter: str = ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        if self.kind in {Place.COMMENT, Place.ARITHMETIC, Place.EVALUATED}:
            return self.kind
        if any(each.is_read_as_code() or compares_numbers(each.words) for each in self.positions):
            return Place.EVALUATED
        return self.kind


class Scanner:
    """Reads a shell command piece by piece, and knows the place where each piece ends.

    It need not understand all of the shell's grammar: values that are not plain words are put in as references to
    shell variables, which a wrong place would split, but never run (`perijove_agent.work.interpolation`).
    """

    def __init__(self) -> None:
        self._stack = [_Level("")]
        self._pipeline = _Pipeline()
        self._before = self._pipeline
        self._word: str | None = None
        self._redirection = ""
        self._recent = ""
        self._escaped = False
        self._heredocs: list[_Heredoc] = []
        self._line = ""
        self._spots: list[Spot] = []

    def feed(self, text: str) -> None:
        """Read on."""
        for character in text:
            self._take(character)
            self._recent = (self._recent + character)[-2:]

    def finish(self) -> None:
        """Take note that this was the end."""
        self._end_word()

    def put(self) -> Spot:
        """Return the place that was reached; something is put in here, which is part of a word."""
        spot = self._spot()
        self._spots.append(spot)
        self._add("_")
        self._recent = ""
        return spot

    def _spot(self) -> Spot:
        level = self._stack[-1]
        if level.kind == "<<":
            heredoc = self._heredocs[0]
            positions = [heredoc.reader, *self._outside()]
            if heredoc.is_literal:
                return Spot(Place.LITERAL_HEREDOC, positions, heredoc.delimiter)
            return Spot(Place.HEREDOC, positions)
        if level.kind == "#":
            return Spot(Place.COMMENT, [])
        if any(each.kind in _ARITHMETIC or (each.kind == "${" and _COUNTS.match(each.text)) for each in self._stack):
            return Spot(Place.ARITHMETIC, [])
        here = _Position(self._pipeline, len(self._pipeline.commands) - 1, self._redirection)
        if self._is_evaluated(here):
            return Spot(Place.EVALUATED, [])
        if level.kind == "${":
            kind = Place.DOUBLE if self._stack[-2].kind == '"' else Place.PLAIN
        else:
            kind = _QUOTED.get(level.kind, Place.PLAIN)
        return Spot(kind, [here, *self._outside()])

    def _outside(self) -> Iterator[_Position]:
        return (level.outside for level in self._stack if level.outside is not None)

    def _is_evaluated(self, here: _Position) -> bool:
        """Return whether what stands here is read as code, in the command it is in or one around it."""
        if evaluates(here.words, self._word or ""):
            return True
        for level in self._stack:
            if level.outside is None:
                continue
            if evaluates(level.outside.words, level.word):
                return True
            if level.kind == "(" and level.outside.redirection == "<" and reads_file_as_code(level.outside.words):
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
        elif kind in _ARITHMETIC:
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
            self._stack[-1].text += character

    def _take_arithmetic(self, character: str) -> None:
        level = self._stack[-1]
        opening, closing = "()" if level.kind == "((" else "[]"
        level.depth += (character == opening) - (character == closing)
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
        elif character in "()":
            self._take_parenthesis(character)
        elif character in "<>":
            self._redirect(character)
        elif character in " \t\n;|&":
            self._separate(character)
        elif character == "-" and self._redirection == "<<" and self._recent[-1:] == "<":
            self._redirection = "<<-"
        else:
            self._add(character)

    def _take_parenthesis(self, character: str) -> None:
        level = self._stack[-1]
        if character == "(":
            if self._recent[-1:] == "(":
                level.kind, level.depth = "((", 2
            else:
                self._open("(")
        elif level.kind in {"(", "$("}:
            self._end_word()
            self._close()

    def _redirect(self, character: str) -> None:
        """Read a mark of a redirection, such as ``<<<`` or ``2>``; the word after it is none of the command's."""
        if self._recent[-1:] == "&" and self._pipeline is not self._before:
            self._pipeline = self._before  # it was ``&>``
        if self._redirection and self._word is None and self._recent[-1:] in {"<", ">"}:
            self._redirection += character
            return
        if self._word is not None and self._word.isdigit():
            self._word = None
        self._end_word()
        self._redirection = character

    def _separate(self, character: str) -> None:
        if character == "&" and self._recent[-1:] in {"<", ">"}:
            return
        if character in " \t" and self._word is None:
            return
        self._end_word()
        if character in "\n;|&":
            self._redirection = ""
            self._next_command(character)
        if character == "\n" and self._heredocs:
            self._stack.append(_Level("<<"))
            self._line = ""

    def _next_command(self, character: str) -> None:
        commands = self._pipeline.commands
        if character == "|" and self._recent[-1:] != "|":
            if commands[-1] and commands[-1][0] in _ENDS_COMPOUND:
                position = _Position(self._pipeline, len(commands) - 1)
                for spot in self._spots:
                    spot.positions.append(position)
            commands.append([])
        elif character == "&" and self._recent[-1:] == "|":
            pass  # ``|&``: a pipe for both outputs
        else:
            self._before, self._pipeline = self._pipeline, _Pipeline()

    def _take_heredoc(self, character: str) -> None:
        if character != "\n":
            self._line += character
            return
        heredoc = self._heredocs[0]
        if (self._line.lstrip("\t") if heredoc.strips_tabs else self._line) == heredoc.delimiter:
            self._heredocs.pop(0)
            if not self._heredocs:
                self._stack.pop()
        self._line = ""

    def _opens(self, character: str) -> bool:
        """Open what begins in double quotes as well as outside: ``$(``, ``$[``, ``${`` and a backtick."""
        if character == "`":
            if any(level.kind == "`" for level in self._stack):
                while self._stack[-1].kind != "`":
                    self._stack.pop()
                self._end_word()
                self._close()
            else:
                self._open("`")
        elif self._recent[-1:] == "$" and character in "([":
            self._open(f"${character}")
        elif self._recent[-1:] == "$" and character == "{":
            self._stack.append(_Level("${"))
        else:
            return False
        return True

    def _open(self, kind: str) -> None:
        if kind not in {"(", "$(", "`", "$["}:
            self._stack.append(_Level(kind))
            return
        outside = _Position(self._pipeline, len(self._pipeline.commands) - 1, self._redirection)
        self._stack.append(_Level(kind, outside, self._word or "", depth=1))
        self._pipeline = self._before = _Pipeline()
        self._word, self._redirection = None, ""

    def _close(self) -> None:
        level = self._stack.pop()
        if level.outside is not None:
            self._pipeline = self._before = level.outside.pipeline
            self._redirection = level.outside.redirection
        # A group of commands is no word: only what a substitution leaves is part of one.
        self._word = None if level.kind == "(" and not self._redirection else level.word + "_"

    def _add(self, character: str) -> None:
        self._word = (self._word or "") + character

    def _end_word(self) -> None:
        if self._word is None:
            return
        word, self._word = self._word, None
        commands = self._pipeline.commands
        if self._redirection in {"<<", "<<-"}:
            bare = re.sub(r"""["'\\]""", "", word)
            reader = _Position(self._pipeline, len(commands) - 1, "<<")
            self._heredocs.append(_Heredoc(bare, bare != word, self._redirection == "<<-", reader))
        elif not self._redirection:
            commands[-1].append(word)
        self._redirection = ""
