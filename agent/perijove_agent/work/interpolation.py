"""Puts parameters into command lines, the way valohai does (https://docs.valohai.com, "Parameters")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from perijove.model.reasons import Reason
from perijove.model.spec import ParameterValue
from perijove_agent.ending import Failure
from perijove_agent.work.quoting import Place, Scanner, Spot

_PLACE = re.compile(r"\{(parameters|params|parameter:[^{}]+|parameter-value:[^{}]+)\}")
#: Text that means itself in every place of a shell's language.
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
#: The most characters of parameters in a command: `{parameters}` may stand in it thousands of times.
_LIMIT = 4 * 2**20
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_HINTS = {
    Place.EVALUATED: "pass it on as an argument instead, as in bash -c 'echo \"$1\"' bash {parameter-value:name}",
    Place.ARITHMETIC: "only a number can stand there",
    Place.LITERAL_HEREDOC: "leave the quotes of the heredoc's delimiter away",
}


@dataclass(frozen=True)
class Commands:
    """Command lines with their parameters put in.

    Attributes
    ----------
    shown : sequence of str
        The lines for people to read.
    run : sequence of str
        The lines for the shell.
    variables : mapping
        The shell variables that `run` refers to, which the shell must have set. Their values can hold anything: a shell
        never takes what a variable holds for code.
    """

    shown: Sequence[str]
    run: Sequence[str]
    variables: Mapping[str, str]


def interpolate(lines: Sequence[str], parameters: Mapping[str, ParameterValue]) -> Commands:
    """Return `lines` with their placeholders replaced, each quoted for the place in which it stands.

    ``{parameters}`` becomes all of them and ``{parameter:name}`` one, as ``--name=value``; ``{parameter-value:name}``
    becomes the bare value. A list repeats its option, true becomes ``--name``, false and null become nothing. A
    placeholder of an unknown parameter, and any other brace, is left alone: it may be the shell's.

    Raises
    ------
    perijove_agent.ending.Failure
        A value stands where the shell would run it, or read it as something else.

    Examples
    --------
    >>> interpolate(["train.py {parameters}"], {"epochs": 5, "name": "a b"}).shown
    ["train.py --epochs=5 '--name=a b'"]
    """
    variables: dict[str, str] = {}
    filled = [_Line(line, parameters, variables).filled() for line in lines]
    return Commands([shown for shown, _ in filled], [run for _, run in filled], variables)


class _Line:
    def __init__(self, line: str, parameters: Mapping[str, ParameterValue], variables: dict[str, str]) -> None:
        self._line = line
        self._parameters = parameters
        self._variables = variables
        self._scanner = Scanner()
        self._size = 0

    def filled(self) -> tuple[str, str]:
        """Return the line for people and for the shell."""
        between, spots, end = [], [], 0
        for match in _PLACE.finditer(self._line):
            words = self._words(match.group(1))
            if words is None or self._is_the_shells(match.start()):
                continue
            self._size += sum(map(len, words))
            if self._size > _LIMIT:
                detail = f"with its parameters put in, a command has more than {_LIMIT:,} characters"
                raise Failure(Reason.NONZERO_EXIT, f"The commands were not run: {detail}; hand them over in a file.")
            between.append(self._line[end : match.start()])
            self._scanner.feed(between[-1])
            spots.append((self._scanner.put(), words, match.group(0)))
            end = match.end()
        rest = self._line[end:]
        self._scanner.feed(rest)
        self._scanner.finish()
        forms = [self._forms(*each) for each in spots]
        shown = (part for text, form in zip(between, forms, strict=True) for part in (text, form[0]))
        run = (part for text, form in zip(between, forms, strict=True) for part in (text, form[1]))
        return "".join([*shown, rest]), "".join([*run, rest])

    def _is_the_shells(self, start: int) -> bool:
        """Return whether the brace is a ``${…}`` of the shell's own."""
        return self._line[:start].endswith("$") and not self._line[:start].endswith("\\$")

    def _words(self, placeholder: str) -> list[str] | None:
        kind, _, name = placeholder.partition(":")
        if not name:
            return [option for key, value in self._parameters.items() for option in _options(key, value)]
        if name not in self._parameters:
            return None
        value = self._parameters[name]
        return [_text(value)] if kind == "parameter-value" else _options(name, value)

    def _forms(self, spot: Spot, words: list[str], placeholder: str) -> tuple[str, str]:
        place, text = spot.place, " ".join(words)
        if place is Place.PLAIN:
            return " ".join(map(quote, words)), " ".join(self._word(word) for word in words)
        if place is Place.COMMENT:
            return (text.replace("\n", " "),) * 2
        is_safe = not text or (_SAFE.fullmatch(text) is not None and text not in spot.delimiter)
        if place is Place.ARITHMETIC:
            is_safe = _NUMBER.fullmatch(text) is not None
        if place in _HINTS and not is_safe:
            detail = f"{placeholder} stands {place.value}, where its value could not be kept as it is"
            raise Failure(Reason.NONZERO_EXIT, f"The commands were not run: {detail}; {_HINTS[place]}.")
        if is_safe and spot.kind is not Place.HEREDOC:
            return text, text
        reference = "${" + self._variable(text) + "}"
        if place is Place.DOUBLE:
            return re.sub(r'([\\"$`])', r"\\\1", text), reference
        if spot.kind is Place.HEREDOC:
            return text, reference
        mark = "'" if place is Place.SINGLE else "$'"
        return text.replace("'", "'\\''"), f'\'"{reference}"{mark}'

    def _word(self, word: str) -> str:
        return word if _SAFE.fullmatch(word) else '"${' + self._variable(word) + '}"' if word else "''"

    def _variable(self, value: str) -> str:
        name = f"__perijove_value_{len(self._variables) + 1}"
        self._variables[name] = value
        return name


def _options(name: str, value: ParameterValue) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is False or value is None:
        return []
    if isinstance(value, list):
        return [f"--{name}={_text(item)}" for item in value]
    return [f"--{name}={_text(value)}"]


def _text(value: ParameterValue) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
