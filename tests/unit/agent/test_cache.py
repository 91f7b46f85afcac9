"""Files that were fetched once: what is used stays, what is damaged is fetched again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from perijove_agent.staging.cache import Cache, Fetched

Fetch = Callable[..., Fetched]


@pytest.fixture
def fetched(tmp_path: Path) -> Fetch:
    """Make a file as a download leaves it."""

    def make(name: str, content: bytes) -> Fetched:
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / name).write_bytes(content)
        return Fetched(tmp_path / "new" / name, len(content), "0" * 64)

    return make


def test_the_cache_drops_what_was_not_used_for_longest(tmp_path: Path, fetched: Fetch) -> None:
    cache = Cache(tmp_path / "cache", limit=3500)
    for number, name in enumerate("abc"):
        cache.put(name, fetched(name, b"x" * 1000))
        os.utime(tmp_path / "cache" / name, (number, number))
    assert cache.get("a") is not None
    cache.put("d", fetched("d", b"x" * 1000))
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]


def test_what_is_in_use_is_not_dropped_whatever_else_comes(tmp_path: Path, fetched: Fetch) -> None:
    cache = Cache(tmp_path / "cache", limit=1500)
    kept = cache.put("a", fetched("a", b"x" * 1000))
    os.utime(tmp_path / "cache" / "a", (1, 1))
    with cache.in_use("a"), cache.in_use("a"):
        cache.put("b", fetched("b", b"x" * 1000))
        cache.put("c", fetched("c", b"x" * 1000))
        assert kept.path.read_bytes() == b"x" * 1000
    cache.put("d", fetched("d", b"x" * 1000))
    assert not kept.path.exists()


def test_a_cached_file_that_was_changed_is_not_used(tmp_path: Path, fetched: Fetch) -> None:
    cache = Cache(tmp_path / "cache", limit=10_000)
    kept = cache.put("a", fetched("a", b"right"))
    kept.path.chmod(0o644)
    kept.path.write_bytes(b"wrong!")
    assert cache.get("a") is None
    assert cache.put("a", fetched("a", b"right")).path.read_bytes() == b"right"
    assert cache.get("a") is not None


@pytest.mark.parametrize("note", [None, b"", b'{"name": "a"', b"[]", b"{}", b"\xff", b'{"name": 7, "size": 5}'])
def test_an_entry_that_was_written_by_half_is_fetched_again(tmp_path: Path, fetched: Fetch, note: bytes | None) -> None:
    cache = Cache(tmp_path / "cache", limit=10_000)
    cache.put("a", fetched("a", b"right"))
    written = tmp_path / "cache" / "a" / "note.json"
    written.unlink() if note is None else written.write_bytes(note)
    assert cache.get("a") is None
    cache.put("a", fetched("a", b"right"))
    assert cache.get("a") is not None


def test_a_file_of_any_name_is_told_from_the_note_about_it(tmp_path: Path, fetched: Fetch) -> None:
    cache = Cache(tmp_path / "cache", limit=10_000)
    for name in ("note.json", "content", ".note.json"):
        cache.put(name, fetched(name, name.encode()))
        found = cache.get(name)
        assert found is not None
        assert found.path.read_bytes() == name.encode()


def test_whatever_lies_in_the_cache_it_shrinks(tmp_path: Path, fetched: Fetch) -> None:
    cache = Cache(tmp_path / "cache", limit=10)
    cache.put("a", fetched("a", b"x" * 1000))
    (tmp_path / "cache" / "file").touch()
    (tmp_path / "cache" / "loop").symlink_to("loop")
    (tmp_path / "cache" / "a").chmod(0)
    cache.put("b", fetched("b", b"x" * 1000))
    assert cache.get("b") is not None


def test_entries_come_and_go_in_many_threads_at_a_time(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=3_000)
    failures: list[object] = []

    def use(number: int) -> None:
        try:
            for turn in range(40):
                # Of one key there is one user at a time, as in `Source`; there is room for three entries of twelve.
                key = f"{number}-{turn % 3}"
                with cache.in_use(key):
                    new = tmp_path / f"new-{number}"
                    new.write_bytes(key.encode() * 300)
                    found = cache.get(key) or cache.put(key, Fetched(new, 900, "0" * 64))
                    if found.path.read_bytes() != key.encode() * 300:
                        failures.append(key)
        except Exception as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
