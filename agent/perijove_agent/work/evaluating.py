"""Which commands read an argument, or their standard input, as code: a value must not become part of that.

This knows the shell's own commands and the usual interpreters by name. A program that evaluates what it is given
otherwise, as a script of one's own may, cannot be known from a command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

#: Interpreters whose program may be an option, wherever in a command they are named, and the letters of that option.
_INTERPRETERS = (
    (re.compile(r"(?:ba|da|z|k|mk|pdk|a|fi|c|tc)?sh|i?python[\d.]*|pypy[\d.]*"), "cC"),
    (re.compile(r"perl[\d.]*|Rscript|julia|lua(?:jit)?[\d.]*|ruby[\d.]*|octave"), "eE"),
    (re.compile(r"node(?:js)?|deno|bun"), "ep"),
    (re.compile(r"php[\d.]*"), "rRBE"),
)
#: More of them, whose names are other words too, and shells whose name is in a variable or is a parameter itself.
_INTERPRETERS_BY_PLACE = (
    (re.compile(r"su|runuser|sg|script|flock|expect"), "c"),
    (re.compile(r"R|gnuplot|\$.*|_"), "ceE"),
    (re.compile(r"matlab"), "r"),
    (re.compile(r"at|batch|sbatch|qsub|bsub|tclsh[\d.]*|dc"), ""),
)
_LONG = r"--(?:eval|print|command|execute|run)|-batch"
#: Options of interpreters that take a value, which is then not the file of a program.
_TAKES_VALUE = frozenset(
    {"-o", "+o", "-O", "+O", "-W", "-X", "-I", "-r", "--require", "--import", "--loader", "--rcfile", "--init-file"}
)
#: Commands whose arguments are read as code, as arithmetic, or as a variable's name with a subscript.
_EVALUATES = frozenset(
    {
        *("eval", "let", "declare", "typeset", "local", "readonly", "trap", "alias", "unset", "read", "mapfile"),
        *("readarray", "getopts", "complete", "bind", "ssh", "watch", "parallel", "make", "gmake", "tmux"),
    }
)
#: Words before a command that are none of it, and programs that run another one with its arguments.
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "builtin", "command", "exec"}
)
_WRAPPERS = frozenset(
    {
        *(
            "sudo",
            "doas",
            "env",
            "nice",
            "ionice",
            "timeout",
            "nohup",
            "stdbuf",
            "setsid",
            "chroot",
            "unshare",
            "nsenter",
        ),
        *("strace", "ltrace", "xargs", "srun", "mpirun", "mpiexec", "docker", "podman", "nerdctl", "kubectl", "oc"),
        *("singularity", "apptainer", "conda", "mamba", "micromamba", "poetry", "pipenv", "uv", "pixi", "hatch"),
    }
)
#: Programs whose first argument that is no option is a program, and their options that take a value.
_FILTERS = re.compile(r"g?sed|[gmn]?awk|jq")
_FILTER_VALUES = frozenset({"-v", "-f", "-F", "--assign", "--file", "--field-separator"})
_FILTER_PAIRS = frozenset({"--arg", "--argjson", "--slurpfile", "--rawfile"})
_FILTER_PROGRAM = frozenset({"-e", "--expression", "--source"})
_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v"})
_FROM_INPUT = frozenset({"-", "/dev/stdin", "/proc/self/fd/0"})


def evaluates(words: Sequence[str], word: str) -> bool:
    """Return whether what comes next in a command is read as code.

    Parameters
    ----------
    words : sequence of str
        The command's words before, as they are written, without redirections.
    word : str
        What is there of the word that it is in.
    """
    names = [_name(each) for each in words]
    heads = [*_heads(names)]
    if any(names[place] in _EVALUATES for place in heads) or re.match(r"\w+\[", _bare(word)):
        return True
    if words and (words[-1] == "--wrap" or (words[-1] == "-v" and names[0] in {"test", "[", "[[", "printf"})):
        return True
    if word.startswith("--wrap=") or (
        "env" in names and (words[-1] in {"-S", "--split-string"} or word.startswith(("-S", "--split-string=")))
    ):
        return True
    if any(_is_program(words[place + 1 :], word, letters) for place, letters in _interpreters(names, heads)):
        return True
    return any(_FILTERS.fullmatch(names[place]) and _is_filter(words[place + 1 :]) for place in heads)


def reads_code(words: Sequence[str]) -> bool:
    """Return whether a command reads its standard input as code."""
    names = [_name(each) for each in words]
    heads = [*_heads(names)]
    named = {names[place] for place in heads}
    if not {"ssh", "parallel"}.isdisjoint(named):
        return True
    if not {"source", "."}.isdisjoint(named):
        return not _FROM_INPUT.isdisjoint(words)
    return any(
        place in heads and _takes_input(words[place + 1 :], letters, "xargs" in named)
        for place, letters in _interpreters(names, heads)
    )


def reads_file_as_code(words: Sequence[str]) -> bool:
    """Return whether a command reads a file that comes next as code."""
    return reads_code(words) or (bool(words) and words[-1] in {"source", "."})


def compares_numbers(words: Sequence[str]) -> bool:
    """Return whether a command is a ``[[ … ]]`` that reads its words as arithmetic."""
    return bool(words) and words[0] == "[[" and not _COMPARES.isdisjoint(words)


def _bare(word: str) -> str:
    return re.sub(r"[\"'\\]", "", word)


def _name(word: str) -> str:
    """Return what a word names, without its quotes and its folder."""
    return PurePosixPath(_bare(word)).name or word


def _heads(names: Sequence[str]) -> Iterator[int]:
    """Yield the places at which the name of a command may stand."""
    for place, name in enumerate(names):
        if name in _KEYWORDS or re.match(r"\w+\+?=", name):
            continue
        yield place
        if name in _WRAPPERS:
            yield from range(place + 1, len(names))
        return


def _interpreters(names: Sequence[str], heads: Sequence[int]) -> Iterator[tuple[int, str]]:
    for place, name in enumerate(names):
        for pattern, letters in _INTERPRETERS:
            if pattern.fullmatch(name):
                yield place, letters
    for place in heads:
        for pattern, letters in _INTERPRETERS_BY_PLACE:
            if pattern.fullmatch(names[place]):
                yield place, letters


def _option(letters: str) -> str:
    return rf"-[A-Za-z0-9]*[{letters}]|{_LONG}" if letters else _LONG


def _is_program(given: Sequence[str], word: str, letters: str) -> bool:
    """Return whether an interpreter takes the word after those `given`, of which there is `word`, for a program."""
    option = _option(letters)
    if letters == "c":  # su and its like take theirs behind other arguments
        return bool(given) and re.fullmatch(option, given[-1]) is not None
    follows, previous = False, ""
    for each in given:
        is_option = each.startswith(("-", "+"))
        if follows and not is_option:
            return False
        if re.fullmatch(option, each):
            follows = True
        elif not is_option and previous not in _TAKES_VALUE and re.search(r"[./]", each):
            return False  # the file of a program; what follows is given to it
        previous = each
    return follows or re.match(rf"(?:{option})[\"'$=]", word) is not None


def _takes_input(given: Sequence[str], letters: str, is_filled: bool) -> bool:
    """Return whether an interpreter given words reads its program from its input; `is_filled` by xargs from there."""
    previous = ""
    for each in given:
        if re.fullmatch(_option(letters), each):
            return is_filled
        if each in _FROM_INPUT or re.fullmatch(r"-[a-z]*s[a-z]*", each):
            return True
        if not each.startswith(("-", "+")) and previous not in _TAKES_VALUE:
            return False
        previous = each
    return True


def _is_filter(given: Sequence[str]) -> bool:
    """Return whether a program such as sed or awk, given these words, takes the next one for its own program."""
    expected, has_program = 0, False
    for each in given:
        if expected:
            expected -= 1
        elif each in _FILTER_PAIRS or each in _FILTER_VALUES:
            expected = 2 if each in _FILTER_PAIRS else 1
            has_program |= each in {"-f", "--file"}
        else:
            has_program |= not each.startswith("-") or each in _FILTER_PROGRAM
    return not expected and (not has_program or given[-1] in _FILTER_PROGRAM)
