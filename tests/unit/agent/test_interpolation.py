"""Parameters in command lines: what a program is given is the value, wherever the placeholder stands."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove_agent.ending import Failure
from perijove_agent.work.interpolation import interpolate
from perijove_agent.work.script import Script

#: What a shell would do much with, were it not quoted.
VALUES = {
    "plain": "x",
    "nothing": "",
    "space": "a b",
    "apostrophe": "one night's rate",
    "quotes": 'say "hi"',
    "substitution": "$(echo PWNED)",
    "backticks": "`echo PWNED`",
    "dollar": "costs $HOME \\$",
    "lines": "a\nEOF\necho PWNED\n",
    "glob": "* ? [a]",
    "operators": "; echo PWNED & | > x #",
    "braces": "{parameter-value:v} ${HOME} }",
}
#: Command lines, and what they print around the value.
PLACES = {
    "outside quotes": "printf '<%s>' {parameter-value:v}",
    "joined to a word": "printf '<%s>' a={parameter-value:v}=b",
    "in double quotes": "printf '<%s>' \"v={parameter-value:v}\"",
    "in single quotes": "printf '<%s>' 'v={parameter-value:v};'",
    "in $'…'": "printf '<%s>' $'v=\\t{parameter-value:v};'",
    "in a substitution": "printf '<%s>' \"$(printf 'x%s.' {parameter-value:v})\"",
    "in quotes in a substitution": "printf '<%s>' \"$(printf 'x%s.' \"{parameter-value:v}\")\"",
    "in backticks": "printf '<%s>' \"`printf 'x%s.' {parameter-value:v}`\"",
    "as a default": "printf '<%s>' \"${missing:-{parameter-value:v}}\"",
    "in a heredoc": "cat <<EOF\n{parameter-value:v}\nEOF",
    "in an indented heredoc": "cat <<-  EOF\n\t{parameter-value:v}.\n\tEOF",
    "behind a heredoc": "cat <<EOF\n'\nEOF\nprintf '<%s>' {parameter-value:v}",
    "behind a comment": "true # it's\nprintf '<%s>' {parameter-value:v}",
    "in a comment": "true # {parameter-value:v}\nprintf done",
    "as an argument of a program": 'bash -c \'printf "<%s>" "$1"\' bash {parameter-value:v}',
    "behind escapes": 'printf \'<%s>\' \\\' \\"{parameter-value:v}\\" "\\"{parameter-value:v}"',
}
#: Where a value is code to whoever reads it.
EVALUATED = {
    "a program of a shell's": 'bash -c "echo {parameter-value:v}"',
    "eval": 'eval "echo {parameter-value:v}"',
    "eval with the shell's quotes": "eval echo {parameter-value:v}",
    "a program of Python's": "python -c 'print(\"{parameter-value:v}\")'",
    "another machine's shell": "ssh host echo {parameter-value:v}",
    "arithmetic": "echo $(( {parameter-value:v} + 1 ))",
    "an arithmetic command": "(( x = {parameter-value:v} ))",
    "a comparison of numbers": "[[ {parameter-value:v} -eq 1 ]]",
    "a subscript": "a[{parameter-value:v}]=1",
    "a literal heredoc": "cat <<'EOF'\n{parameter-value:v}\nEOF",
    "behind sudo": 'sudo -u ada sh -ec "echo {parameter-value:v}"',
    "in a substitution": 'echo $(bash -c "echo {parameter-value:v}")',
}


def expected(line: str, value: str) -> str:
    """Return what `line` prints where its placeholder holds a plain word, with `value` in that word's place."""
    return run(line, "PLACEHOLDER").replace("PLACEHOLDER", value)


def run(line: str, value: Any) -> str:
    argv = Script(interpolate([line], {"v": value})).argv("/bin/bash")
    done = subprocess.run(argv, capture_output=True, check=False, env={"PATH": os.defpath})
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", VALUES)
def test_a_program_is_given_the_value_wherever_its_placeholder_stands(place: str, name: str) -> None:
    assert run(PLACES[place], VALUES[name]) == expected(PLACES[place], VALUES[name])


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.sampled_from(sorted(PLACES)))
@settings(max_examples=60, deadline=None)
def test_no_value_is_anything_but_itself(value: str, place: str) -> None:
    assert run(PLACES[place], value + "$") == expected(PLACES[place], value + "$")


@pytest.mark.parametrize("place", EVALUATED)
def test_a_value_that_would_be_run_where_it_stands_is_refused_with_a_hint(place: str) -> None:
    with pytest.raises(Failure, match=r"parameter-value:v.*; .+\.$"):
        interpolate([EVALUATED[place]], {"v": "a[$(echo PWNED)] b"})


@pytest.mark.parametrize("place", EVALUATED)
def test_a_plain_number_may_stand_everywhere(place: str) -> None:
    (line,) = interpolate([EVALUATED[place]], {"v": 7}).run
    assert line == EVALUATED[place].replace("{parameter-value:v}", "7")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("run {parameters}", "run --epochs=5 '--name=a b' --fast --layer=1 --layer=2"),
        ("run {parameter:epochs} {parameter:slow}", "run --epochs=5 "),
        ("echo {parameter-value:name} {parameter-value:epochs}", "echo 'a b' 5"),
        ("echo {parameter:other} ${HOME} {a,b} ${parameters}", "echo {parameter:other} ${HOME} {a,b} ${parameters}"),
        ("echo \"{parameter:name}\" '{parameter:name}'", "echo \"--name=a b\" '--name=a b'"),
    ],
)
def test_people_read_placeholders_as_quoted_options(line: str, shown: str) -> None:
    parameters: dict[str, Any] = {
        "epochs": 5,
        "name": "a b",
        "fast": True,
        "slow": False,
        "none": None,
        "layer": [1, 2],
    }
    assert interpolate([line], parameters).shown == [shown]
