from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec
from rights import bound_by_modes

from perijove import errors
from perijove.code import ALWAYS, BUILT_IN, scan
from perijove.code.ignore import Pattern

Make = Callable[[dict[str, str]], Path]


def kept(root: Path) -> list[str]:
    return [entry.name for entry in scan(root).entries if entry.kind != "folder" and not entry.name.endswith("ignore")]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".gitignore": "*.log\n", "a.py": "", "a.log": "", "sub/b.log": ""}, ["a.py"]),
        ({".gitignore": "/data\n", "data/x": "", "sub/data/y": ""}, ["sub/data/y"]),
        ({".gitignore": "*.csv\n!keep.csv\n", "a.csv": "", "keep.csv": ""}, ["keep.csv"]),
        ({".gitignore": "*.csv\n", "sub/.gitignore": "!a.csv\n", "a.csv": "", "sub/a.csv": ""}, ["sub/a.csv"]),
        ({"sub/.gitignore": "*.csv\n", "a.csv": "", "sub/a.csv": ""}, ["a.csv"]),
        ({".gitignore": "out/\n!out/keep\n", "out/keep": "", "a": ""}, ["a"]),
        ({".gitignore": "out/*\n!out/keep\n", "out/keep": "", "out/b": ""}, ["out/keep"]),
        ({".gitignore": "# comment\n\n\\#file\n", "#file": "", "a": ""}, ["a"]),
        ({".gitignore": "\ufeffa\n", "a": "", "b": ""}, ["b"]),
        ({".gitignore": "[z-a]\nb\n", "a": "", "b": ""}, ["a"]),
        ({".gitignore": "**/tmp/\n", "tmp/x": "", "a/tmp/x": "", "a/x": ""}, ["a/x"]),
    ],
)
def test_gitignore_means_what_it_means_to_git(project: Make, files: dict[str, str], expected: list[str]) -> None:
    root = project(files)
    assert kept(root) == expected
    assert git_keeps(root) == expected


def git_keeps(root: Path) -> list[str]:
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "init", "--quiet", root], check=True)
    listed = subprocess.run(
        [git, "-C", root, "ls-files", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted(name for name in listed if name and not name.endswith("ignore"))


def test_perijoveignore_has_the_last_word(project: Make) -> None:
    root = project({".gitignore": "data/\n", ".perijoveignore": "!data/\nbig\n", "data/x": "", "big": "", "a": ""})
    assert kept(root) == ["a", "data/x"]


def test_what_is_hidden_in_a_home_folder_stays_there(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {".jupyter/lab/x": "", ".ssh/key": "", ".env": "", "a.py": "", "sub/.env": "", ".perijoveignore": "!.env\n"}
    root = project(files)
    everything = [".env", ".jupyter/lab/x", ".ssh/key", "a.py", "sub/.env"]
    assert kept(root) == everything
    monkeypatch.setenv("HOME", str(root))
    assert kept(root) == [".env", "a.py", "sub/.env"]
    (root / ".perijoveignore").unlink()
    assert kept(root) == ["a.py", "sub/.env"]
    monkeypatch.setenv("HOME", str(root / "nowhere"))
    assert kept(root) == everything


def test_a_nested_gitignore_does_not_override_perijoveignore(project: Make) -> None:
    root = project({".perijoveignore": "*.bin\n", "sub/.gitignore": "!a.bin\n", "sub/a.bin": "", "sub/b": ""})
    assert kept(root) == ["sub/b"]


def test_what_tools_make_again_stays_out(project: Make) -> None:
    folders = [pattern.rstrip("/") for pattern in BUILT_IN if pattern.endswith("/")]
    root = project({f"sub/{folder}/x": "" for folder in [*folders, *ALWAYS]} | {"m.pyc": "", "a.py": ""})
    plan = scan(root)
    assert [entry.name for entry in plan.entries] == ["a.py", "sub"]
    assert plan.ignored_count == len(folders) + len(ALWAYS) + 1
    assert "sub/.venv/" in plan.ignored


def test_a_built_in_pattern_can_be_taken_back(project: Make) -> None:
    assert kept(project({".perijoveignore": "!node_modules/\n", "node_modules/x.js": ""})) == ["node_modules/x.js"]


def test_git_data_and_perijove_data_cannot_be_taken_back(project: Make) -> None:
    root = project({".perijoveignore": "!.git/\n!.perijove/\n", ".git/config": "", ".perijove/env": "", "a": ""})
    assert kept(root) == ["a"]


def test_the_work_tree_above_the_project_folder_counts(project: Make) -> None:
    root = project({".git/info/exclude": "private\n", ".gitignore": "*.log\n/sub/only\n", "sub/a.log": "", "sub/b": ""})
    (root / "sub/only").touch()
    (root / "sub/private").touch()
    assert kept(root / "sub") == ["b"]


def test_a_gitignore_outside_any_work_tree_above_does_not_count(project: Make) -> None:
    assert kept(project({".gitignore": "*.log\n", "sub/a.log": ""}) / "sub") == ["a.log"]


def test_a_project_folder_that_git_ignores_is_still_sent(project: Make) -> None:
    root = project({".git/HEAD": "", ".gitignore": "scratch/\n", "scratch/a": ""})
    assert kept(root / "scratch") == ["a"]


def test_an_ignore_file_that_is_a_link_is_not_read(project: Make) -> None:
    root = project({"patterns": "*\n", "a": ""})
    (root / ".gitignore").symlink_to("patterns")
    assert kept(root) == ["a", "patterns"]


@pytest.mark.parametrize("line", ["!", "//", "/", "[", "a[", "\\"])
def test_a_line_that_is_no_pattern_is_passed_over(project: Make, line: str) -> None:
    assert kept(project({".gitignore": f"{line}\nb\n", "a": "", "b": ""})) == ["a"]


def test_an_ignore_file_that_cannot_be_read_is_named(project: Make) -> None:
    root = project({".gitignore": "a\n", "a": ""})
    (root / ".gitignore").chmod(0)
    with bound_by_modes(), pytest.raises(errors.InvalidPath, match=r"\.gitignore.*Permission denied"):
        scan(root)


@pytest.mark.parametrize("text", ["#" * (1 << 20) + "\n", "\n" * 10_001], ids=["bytes", "lines"])
@pytest.mark.parametrize("name", [".gitignore", ".perijoveignore", ".git/info/exclude"])
def test_an_ignore_file_that_is_too_large_to_be_tried_on_every_file_is_named(
    project: Make, name: str, text: str
) -> None:
    with pytest.raises(errors.InvalidPath, match=rf"{re.escape(name)}' has more than 1\.0 MiB or 10,000 lines"):
        scan(project({name: text, "a": ""}))


def test_an_ignore_file_without_an_end_is_not_read_to_it(project: Make) -> None:
    root = project({".gitignore": "", "a": ""})
    os.truncate(root / ".gitignore", 1 << 40)
    with pytest.raises(errors.InvalidPath, match=r"\.gitignore' has more than"):
        scan(root)


def test_a_line_longer_than_any_path_is_passed_over(project: Make) -> None:
    assert kept(project({".gitignore": f"{'*a' * 500_000}\nb\n", "a": "", "b": ""})) == ["a"]


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@given(
    st.lists(st.text("ab*?/[]!.-\\\\ ", max_size=12), min_size=1, max_size=4),
    st.lists(st.text("ab/.-", min_size=1, max_size=10), min_size=1, max_size=20),
)
def test_a_pattern_means_what_git_means_by_it(lines: list[str], paths: list[str]) -> None:
    lines = [line for line in lines if is_pattern(line)]
    written, ours = GitIgnoreSpec.from_lines(lines), GitIgnoreSpec.from_lines(lines, Pattern)
    for path in paths:
        assert ours.check_file(path).include == written.check_file(path).include


def is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def test_a_pattern_of_many_stars_is_matched_in_time() -> None:
    """It took the length of the name to the power of the number of stars: years."""
    pattern = GitIgnoreSpec.from_lines(["*a" * 40 + "*b"], Pattern)
    assert not pattern.match_file("a" * 250)
    assert pattern.match_file("a" * 250 + "b")
