"""Signed URLs grant exactly what they say."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import Forbidden
from perijove.model.events import Verb
from perijove_scheduler.files.signing import Grant, Signer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> Signer:
    return Signer(b"k" * 32, "https://hub.example/services/perijove", clock)


def test_a_url_is_below_the_service(signer: Signer) -> None:
    assert signer.sign(Verb.GET, "a/b c", 60).startswith(
        "https://hub.example/services/perijove/files/a/b%20c?verb=GET&"
    )


@given(key=st.text(min_size=1), name=st.text(), media_type=st.text())
def test_what_was_signed_is_granted(key: str, name: str, media_type: str) -> None:
    signer = Signer(b"k" * 32, "https://hub.example/")
    fields = {"verb": "PUT", "expires": "9999999999", "name": name, "type": media_type}
    fields["signature"] = signer._signature(key, fields)
    assert signer.verify("PUT", key, fields) == Grant(name, media_type)


def test_a_url_is_good_until_it_expires(signer: Signer, clock: Clock) -> None:
    query = query_of(signer.sign(Verb.GET, "key", 60))
    clock.now += 60
    signer.verify("GET", "key", query)
    clock.now += 1
    with pytest.raises(Forbidden, match="expired"):
        signer.verify("GET", "key", query)


def test_head_is_allowed_where_get_is(signer: Signer) -> None:
    assert signer.verify("HEAD", "key", query_of(signer.sign(Verb.GET, "key", 60))) == Grant()


@pytest.mark.parametrize(
    ("signed", "asked"), [(Verb.GET, "PUT"), (Verb.PUT, "GET"), (Verb.PUT, "HEAD"), (Verb.GET, "DELETE")]
)
def test_a_url_is_for_one_verb(signer: Signer, signed: Verb, asked: str) -> None:
    with pytest.raises(Forbidden, match=asked):
        signer.verify(asked, "key", query_of(signer.sign(signed, "key", 60)))


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "PUT"},
        {"expires": "99999999999"},
        {"name": "x.html"},
        {"type": "text/html"},
        {"signature": ""},
        {"signature": "ä"},
    ],
)
def test_a_changed_url_is_refused(signer: Signer, change: dict[str, str]) -> None:
    query = query_of(signer.sign(Verb.GET, "key", 60, "plot.png", "image/png")) | change
    with pytest.raises(Forbidden):
        signer.verify(query["verb"], "key", query)


def test_a_url_without_a_signature_is_refused(signer: Signer) -> None:
    with pytest.raises(Forbidden):
        signer.verify("GET", "key", {})


def test_a_value_cannot_move_into_the_next_field(signer: Signer) -> None:
    query = query_of(signer.sign(Verb.GET, "key", 60, "ab", "c"))
    with pytest.raises(Forbidden):
        signer.verify("GET", "key", query | {"name": "a", "type": "bc"})


def test_another_key_signs_differently(signer: Signer, clock: Clock) -> None:
    other = Signer(b"o" * 32, "https://hub.example/services/perijove", clock)
    with pytest.raises(Forbidden):
        other.verify("GET", "key", query_of(signer.sign(Verb.GET, "key", 60)))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"short", "https://hub.example/")


def test_a_file_name_cannot_end_its_header() -> None:
    headers = Grant('a"\r\nSet-Cookie: x=ü', "text/html").headers()
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%0D%0ASet-Cookie%3A%20x%3D%C3%BC"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_object_without_a_name_is_a_download_all_the_same() -> None:
    assert Grant().headers()["Content-Disposition"] == "attachment"
    assert Grant().headers()["Content-Type"] == "application/octet-stream"
