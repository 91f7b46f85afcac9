from __future__ import annotations

import pytest

from perijove import errors


def subclasses(cls):
    return {cls}.union(*(subclasses(sub) for sub in cls.__subclasses__()))


@pytest.mark.parametrize("cls", sorted(subclasses(errors.PerijoveError), key=lambda cls: cls.__name__))
def test_every_error_explains_itself(cls):
    body = cls().as_json()["error"]
    assert body["message"].endswith(".")
    assert body["code"] == body["code"].lower()


def test_an_error_s_code_follows_its_name():
    assert errors.UnknownGroup().code == "unknown_group"


def test_codes_are_distinct():
    codes = [cls().code for cls in subclasses(errors.PerijoveError)]
    assert len(set(codes)) == len(codes)
