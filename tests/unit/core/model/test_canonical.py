"""Client and master name a document by the same digest."""

from __future__ import annotations

import json

import pytest

from perijove.model.canonical import digest, encode


def test_equal_documents_have_one_digest_whatever_their_order() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})


@pytest.mark.parametrize("text", ["plain", "Grüße", "数字", "\u2028", "🪐", "\ud800"])
def test_a_document_that_travelled_as_json_keeps_its_digest(text: str) -> None:
    document = {"source": text}
    assert digest(json.loads(json.dumps(document))) == digest(document)


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"a": float("nan")})
