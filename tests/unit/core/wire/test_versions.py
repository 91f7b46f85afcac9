"""An agent and a service agree on a protocol, or one of them is told what to install."""

from __future__ import annotations

import hashlib

import pytest

from perijove import __version__
from perijove.errors import IncompatibleAgent
from perijove.wire.scripts import AGENT_SCRIPTS, SCRIPTS
from perijove.wire.versions import NEWEST, OLDEST, agree


def test_the_newest_protocol_that_both_speak_is_taken() -> None:
    assert agree(1, NEWEST + 5, __version__) == NEWEST
    assert agree(1, OLDEST, "7.0rc1") == OLDEST


def test_an_agent_that_is_too_old_is_refused_with_what_to_install() -> None:
    with pytest.raises(IncompatibleAgent, match="too old") as refusal:
        agree(1, OLDEST - 1, __version__)
    assert f"pip install 'perijove[agent]=={__version__}'" in refusal.value.hint


def test_an_agent_that_is_too_new_is_refused_with_what_to_install() -> None:
    with pytest.raises(IncompatibleAgent, match="too new") as refusal:
        agree(NEWEST + 1, NEWEST + 2, "99.0")
    assert "service up to date" in refusal.value.hint


def test_scripts_that_changed_are_of_another_protocol() -> None:
    # A worker calls scripts by their digests, and its service loads its own. Where this fails, raise NEWEST, and OLDEST
    # with it as no service loads another's scripts; in a protocol that was not released yet, write the digest anew.
    texts = "".join(SCRIPTS[name].text for name in AGENT_SCRIPTS)
    assert (NEWEST, OLDEST, hashlib.sha256(texts.encode()).hexdigest()) == (
        2,
        2,
        "d464a981be0cdbf3e80ca8ca5d7d9ed63fedb03d1c9d943b4a199235787a8e6a",
    )


@pytest.mark.parametrize("version", ["", "0.0.1", "latest", "1.0; drop", "0"])
def test_a_version_that_is_none_or_older_than_any_release_is_refused(version: str) -> None:
    with pytest.raises(IncompatibleAgent, match="too old"):
        agree(1, NEWEST, version)
