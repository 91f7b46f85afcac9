from __future__ import annotations

import pytest

from perijove import yaml12


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-26", "2026-11-26"),
        ("12:30:45", "12:30:45"),
        ("0123", 123),
        ("0o17", 15),
        ("no", "no"),
        ("on", "on"),
        ("2024_01", "2024_01"),
        ("1e-3", 0.001),
        ("~", None),
        ("True", True),
        ("[1e5, {a: null}]", [100000.0, {"a": None}]),
        ("{2: a, true: b, ~: c}", {"2": "a", "true": "b", "null": "c"}),
    ],
)
def test_a_value_is_what_the_core_schema_of_yaml_1_2_says(text, value):
    assert yaml12.load(text) == value
    assert yaml12.load(f"x: {text}") == {"x": value}


@pytest.mark.parametrize(
    "text",
    [
        ".nan",
        "-.inf",
        "a: [",
        "&a [*a]",
        "[" * 2000,
        "9" * 5000,
        "0x" + "f" * 5000,
        "? 0x" + "f" * 5000 + "\n: 1",
        "? [1]\n: 2",
        "!!python/name:os.system ''",
        '"\\ud800"',
        "{1: a, '1': b}",
    ],
)
def test_what_has_no_form_in_json_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"^It .*\.$"):
        yaml12.load(text)


def test_aliases_do_not_multiply_without_end():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ValueError, match="too large"):
        yaml12.load("\n".join(lines))
