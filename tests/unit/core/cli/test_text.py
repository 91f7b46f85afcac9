from __future__ import annotations

import subprocess
import sys

import click
import pytest

from perijove.cli.live import LiveScreen
from perijove.cli.parameters import from_file, inputs, memory, pairs
from perijove.cli.run import shell_line
from perijove.cli.terminal import Lines, plain, safe
from perijove.client.events import Recorded
from perijove.client.typed import value_of
from perijove.model.records import LogRecord


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m\tok\r\n", "\x1b[1;31mred\x1b[0m\tok\r\n"),
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b2J\x7f\x00", "\\x9b2J␡␀"),
        ("\x1b", "␛"),
        ("\x1b]8;;http://x\x1b\\link", "␛]8;;http://x␛\\link"),
        ("naïve ✓", "naïve ✓"),
    ],
)
def test_only_colours_and_line_ends_reach_the_terminal(text, shown):
    assert safe(text) == shown


def test_a_cell_of_a_table_stays_on_its_line():
    assert plain("\x1b[31ma\r\nb\x1b[0m") == "a␍␊b"


def test_pieces_become_whole_lines():
    lines = Lines()
    assert [lines.feed(piece) for piece in ("a", "b\nc\n", "\x1b[3", "1md")] == [[], ["ab", "c"], [], []]
    assert lines.flush() == ["\x1b[31md"]
    assert lines.flush() == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("0.5", 0.5), ("1e-3", 0.001), ("true", True), ("True", True), ("None", None), ("null", None),
     ("adam", "adam"), ("01", "01"), ('"12"', "12"), ("[1, 2]", [1, 2]), ("NaN", "NaN"), ("2026-01-01", "2026-01-01"),
     ("", ""), ("a=b", "a=b")],
)  # fmt: skip
def test_a_value_is_json_where_it_is_json_and_else_text(text, value):
    got = value_of(text)
    assert (got, type(got)) == (value, type(value))


def test_a_value_may_hold_what_parts_a_pair():
    assert pairs(["lr=0.5", "url=a=b", "empty="], "-p") == [("lr", "0.5"), ("url", "a=b"), ("empty", "")]


def test_parameters_come_from_a_file(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("lr: 0.1\nname: adam\n")
    assert from_file(file) == {"lr": 0.1, "name": "adam"}
    assert from_file(None) == {}


@pytest.mark.parametrize("content", ["- 1", "7", "a: [", "\x00"])
def test_a_file_without_parameters_is_refused(tmp_path, content):
    file = tmp_path / "p.yaml"
    file.write_text(content)
    with pytest.raises(click.UsageError, match=r"p\.yaml"):
        from_file(file)


def test_an_input_may_have_several_files():
    assert inputs(["a=datum://1", "b=datum://2", "a=datum://3"]) == {
        "a": ["datum://1", "datum://3"],
        "b": ["datum://2"],
    }


@pytest.mark.parametrize(("text", "size"), [("512", 512), ("1K", 1024), ("1.5G", 3 << 29), ("2GiB", 2 << 30)])
def test_sizes_are_read_as_people_write_them(text, size):
    assert memory(None, None, text) == size


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["echo a | wc"], "echo a | wc"),
        (["echo", "a b"], "echo 'a b'"),
        (["train", "{parameters}", "{parameter:lr}", "--x={parameter:x}"],
         "train {parameters} {parameter:lr} '--x={parameter:x}'"),
    ],
)  # fmt: skip
def test_words_become_one_shell_line(words, line):
    assert shell_line(words) == line


def test_a_progress_bar_is_not_torn_by_what_is_printed_meanwhile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    screen = LiveScreen()
    for n, (stream, text) in enumerate(
        [("stderr", "\rtraining 10%"), ("stdout", '{"epoch": 1}\n'), ("stderr", "\rtraining 20%")], start=1
    ):
        screen.show(Recorded(1, LogRecord(n=n, t=0.0, stream=stream, text=text)))
    screen.close()
    assert capsys.readouterr().err.split("\n")[:2] == ['{"epoch": 1}', "training 20%"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("when: .nan", "no form for"), ("a: [1", "not YAML"), (b"\xff\xfe\x00", "p.yaml cannot be used")],
)
def test_a_file_that_json_has_no_form_for_is_refused_with_a_sentence(tmp_path, content, said):
    file = tmp_path / "p.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(click.UsageError, match=said):
        from_file(file)


def test_dates_and_times_in_a_file_stay_text(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("day: 2026-11-26\ntime: 12:30:45\nanswer: no\n")
    assert from_file(file) == {"day": "2026-11-26", "time": "12:30:45", "answer": "no"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_few_characters_gets_replacements(encoding):
    code = "from perijove.streams import make_printable; make_printable(); print('§ ✓ \\ud83d')"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode(encoding).endswith("? ?\n")


def test_a_closed_standard_output_is_no_error():
    code = "from perijove.cli import main; raise SystemExit(main(['groups', '--help']))"
    ended = subprocess.run(["bash", "-c", f'exec {sys.executable} -c "{code}" >&-'], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
