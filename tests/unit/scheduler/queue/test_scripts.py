"""The scripts: each complete, and called by the digest of what is loaded."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from perijove.wire.keys import GroupKeys
from perijove.wire.scripts import AGENT_SCRIPTS, MASTER_SCRIPTS, SCRIPTS, call


def test_every_lua_file_is_a_script_or_the_prelude() -> None:
    found = {path.name.removesuffix(".lua") for path in (files("perijove.wire") / "lua").iterdir()}
    assert found == {*AGENT_SCRIPTS, *MASTER_SCRIPTS, "prelude"}


def test_every_script_stands_after_the_prelude() -> None:
    prelude = (files("perijove.wire") / "lua" / "prelude.lua").read_text(encoding="utf-8")
    assert all(script.text.startswith(prelude) for script in SCRIPTS.values())


def test_a_call_names_the_digest_and_the_groups_prefix() -> None:
    digest = hashlib.sha1(SCRIPTS["claim"].text.encode()).hexdigest()
    assert call("claim", "pj:{local}:", "wk-1", 2.5) == ("EVALSHA", digest, 1, "pj:{local}:", "wk-1", 2.5)


def test_all_keys_of_a_group_lie_in_one_slot_under_its_prefix() -> None:
    keys = GroupKeys("local")
    names = [keys.queue, keys.workers, keys.idle, keys.events, keys.ticket("ex"), keys.worker("wk"), keys.held("wk")]
    names += [keys.control("wk"), keys.log("ex", 2)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("pj:{local}:") for name in names)
