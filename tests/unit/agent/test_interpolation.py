"""Parameters in command lines: what a program is given is the value, wherever the placeholder stands."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
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
    "a heredoc for a shell": "bash <<EOF\necho {parameter-value:v}\nEOF",
    "a heredoc for Python": "python - <<EOF\nprint('{parameter-value:v}')\nEOF",
    "a heredoc for another machine": "ssh host <<EOF\necho {parameter-value:v}\nEOF",
    "a heredoc that a pipe hands on": "cat <<EOF | sudo bash\necho {parameter-value:v}\nEOF",
    "a heredoc for a shell that logs": "bash -x 2>log >out <<-EOF\n\techo {parameter-value:v}\n\tEOF",
    "a here-string for a shell": 'bash <<< "echo {parameter-value:v}"',
    "a pipe into a shell": 'echo "echo {parameter-value:v}" | bash',
    "a pipe of both outputs into a shell": 'echo "echo {parameter-value:v}" |& tee log | sh -s',
    "a pipe out of a group": '(echo "echo {parameter-value:v}") | bash',
    "a pipe out of a loop": "for x in 1; do echo {parameter-value:v}; done | bash",
    "a pipe into xargs": "echo {parameter-value:v} | xargs -I% sh -c 'echo %'",
    "a file from a substitution": "bash <(echo {parameter-value:v})",
    "a sourced substitution": "source <(echo {parameter-value:v})",
    "a trap": "trap 'echo {parameter-value:v}' EXIT",
    "an alias": "alias x='echo {parameter-value:v}'",
    "an option and its program in one": 'bash -c"echo {parameter-value:v}"',
    "a program behind the end of options": 'bash -c -- "echo {parameter-value:v}"',
    "a program behind an option with a value": 'bash -o pipefail -c "echo {parameter-value:v}"',
    "a program behind a redirection": 'bash 2>&1 -c "echo {parameter-value:v}"',
    "an interpreter in quotes": '"/bin/bash" -c "echo {parameter-value:v}"',
    "an interpreter in a variable": '$SHELL -c "echo {parameter-value:v}"',
    "perl -E": "perl -E 'say \"{parameter-value:v}\"'",
    "php -r": "php -r 'echo \"{parameter-value:v}\";'",
    "node -p": "node -p '\"{parameter-value:v}\"'",
    "node --eval": "node --eval='\"{parameter-value:v}\"'",
    "julia --eval": "julia --eval 'print(\"{parameter-value:v}\")'",
    "R -e": "R -e 'print(\"{parameter-value:v}\")'",
    "another user's shell": 'su - ada -c "echo {parameter-value:v}"',
    "another shell": 'tcsh -c "echo {parameter-value:v}"',
    "another Python": "pypy3 -c \"print('{parameter-value:v}')\"",
    "awk": "awk '{ print \"{parameter-value:v}\" }' file",
    "sed": "sed -i 's/x/{parameter-value:v}/e' file",
    "a batch job": 'sbatch --wrap="echo {parameter-value:v}"',
    "make": "make train ARGS={parameter-value:v}",
    "old arithmetic": "echo $[ {parameter-value:v} + 1 ]",
    "a subscript in an expansion": "echo ${a[{parameter-value:v}]}",
    "a substring": "echo ${a:{parameter-value:v}}",
    "a variable that is unset": "unset {parameter-value:v}",
    "a variable that is asked for": "[[ -v {parameter-value:v} ]]",
}
#: Commands that look like these, and only hand a value on.
HANDED_ON = [
    "python train.py --name {parameter-value:v}",
    "python train.py -c {parameter-value:v}",
    "python -m train --name {parameter-value:v}",
    "bash -e run.sh {parameter-value:v}",
    "cat {parameter-value:v} | grep python",
    "echo {parameter-value:v} | python train.py",
    "echo {parameter-value:v} | python -c 'import sys; print(sys.stdin.read())'",
    "echo {parameter-value:v} | tee log && bash run.sh",
    "(cd x && cat {parameter-value:v}) | (cat)",
    "python train.py --cfg <(echo {parameter-value:v})",
    "python train.py <<EOF\n{parameter-value:v}\nEOF\nbash run.sh",
    "docker run -e NAME={parameter-value:v} python:3.12 python train.py",
    "awk -v name={parameter-value:v} '{ print name }' file",
    "jq --arg name {parameter-value:v} '.name = $name' file",
    "git add make read local {parameter-value:v}",
    "echo ${missing:-{parameter-value:v}}",
    "bash run.sh 2>&1 {parameter-value:v}",
]


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


@given(st.lists(st.sampled_from([*"\"'$`\\(){}[]<>|&;#\n -ax", "{parameter-value:v}", "<<EOF\n", "bash"]), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_command_is_filled_or_refused(parts: list[str]) -> None:
    with suppress(Failure):
        interpolate(["".join(parts)], {"v": "a b"})


@pytest.mark.parametrize("place", EVALUATED)
def test_a_value_that_would_be_run_where_it_stands_is_refused_with_a_hint(place: str) -> None:
    with pytest.raises(Failure, match=r"parameter-value:v.*; .+\.$"):
        interpolate([EVALUATED[place]], {"v": "a[$(echo PWNED)] b"})


@pytest.mark.parametrize("place", EVALUATED)
def test_a_plain_number_may_stand_everywhere(place: str) -> None:
    (line,) = interpolate([EVALUATED[place]], {"v": 7}).shown
    assert line == EVALUATED[place].replace("{parameter-value:v}", "7")


@pytest.mark.parametrize("line", HANDED_ON)
def test_a_value_that_is_only_handed_on_is_kept_as_it_is(line: str) -> None:
    commands = interpolate([line], {"v": "$(echo PWNED) b"})
    assert [*commands.variables.values()] == ["$(echo PWNED) b"]


@pytest.mark.parametrize("line", ["cat <<'EOF'\nE{parameter-value:v}\nEOF", "bash <<'EOF'\n{parameter-value:v}\nEOF"])
def test_a_value_ends_no_heredoc(line: str) -> None:
    with pytest.raises(Failure, match="could not be kept"):
        interpolate([line], {"v": "OF"})


def test_parameters_that_stand_in_a_command_too_often_are_refused() -> None:
    with pytest.raises(Failure, match="characters"):
        interpolate(["echo {parameters} " * 2000], {"v": "x" * 100_000})


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
