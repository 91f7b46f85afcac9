"""A database and the files of a platform belong together: neither is used with another's."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from perijove.errors import Unavailable
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.platform import Platform
from perijove_scheduler.store.store import Store

Make = Callable[..., Platform]


async def started(platform: Platform) -> Platform:
    await platform.start()
    await platform.stop()
    return platform


async def refusal(platform: Platform) -> str:
    with pytest.raises(Unavailable) as refused:
        await platform.start()
    assert refused.value.hint
    return refused.value.message


async def test_an_empty_database_does_not_take_over_the_files_of_another_one(make: Make, folder: Path) -> None:
    await started(make())
    (folder / "perijove.db").rename(folder / "elsewhere.db")
    assert "files belong to another one's platform" in await refusal(make())
    (finding,) = [each for each in await make().check() if each.fatal]
    assert "files belong to another one's platform" in finding.sentence
    await make().adopt()
    await started(make())


async def test_a_replica_with_files_of_its_own_is_refused(make: Make, folder: Path, tmp_path: Path) -> None:
    await started(make())
    assert "not in Platform.files_dir" in await refusal(make(files_dir=str(tmp_path / "own")))


async def test_files_of_another_platform_are_refused(make: Make, tmp_path: Path) -> None:
    other = tmp_path / "o"
    await started(make(data_dir=str(other)))
    await EmbeddedRedis(other).stop()
    await started(make())
    assert "belongs to platform" in await refusal(make(files_dir=str(other / "files")))


async def test_files_that_were_restored_without_their_id_are_adopted_on_request(make: Make, folder: Path) -> None:
    await started(make())
    await asyncio.to_thread(shutil.rmtree, folder / "files")
    assert "is it mounted" in (await _hint(make()))
    await make().adopt()
    await started(make())


async def _hint(platform: Platform) -> str:
    with pytest.raises(Unavailable) as refused:
        await platform.start()
    return refused.value.hint


@pytest.mark.parametrize("address", ["foo", "hub.example.org/services/perijove", "ftp://hub", "http://", "http://h:x/"])
async def test_a_public_url_that_is_no_address_is_refused(make: Make, address: str) -> None:
    assert "not the address of a service" in await refusal(make(public_url=address))
    assert any("not the address" in finding.sentence for finding in await make(public_url=address).check())


async def test_files_that_are_no_folder_are_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    assert "not a folder" in await refusal(make(files_dir=str(tmp_path / "plain")))


async def test_nobody_else_reads_a_folder_of_files_that_lies_elsewhere(make: Make, tmp_path: Path) -> None:
    await started(make(files_dir=str(tmp_path / "apart" / "files")))
    found = [tmp_path / "apart" / "files", *(tmp_path / "apart" / "files").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()} == {0o600}


async def test_work_on_this_machine_is_off_unless_asked_for_and_then_warned_of(make: Make) -> None:
    assert Platform().local_group == ""
    assert await make(local_group="").check() == []
    (warning,) = await make(local_group="local").check()
    assert "without isolation" in warning.sentence
    assert not warning.fatal


async def test_a_hub_without_subdomains_is_warned_of(make: Make) -> None:
    (warning,) = await make(local_group="", shared_origin=True).check()
    assert "subdomain_host" in warning.hint
    assert not warning.fatal


async def test_a_replica_whose_name_another_one_leads_under_is_refused(make: Make, tmp_path: Path) -> None:
    first = make(replica="a", files_dir=str(tmp_path / "shared"))
    await first.start()
    shared = {"database_url": first._database_url(first._folder()), "files_dir": str(tmp_path / "shared")}
    second = make(replica="a", data_dir=str(tmp_path / "b"), redis_url=first.tail._link.url, **shared)
    assert "Another replica named a leads" in await refusal(second)
    assert first.leader.term is not None


async def test_a_replica_that_was_killed_takes_its_name_up_again(make: Make) -> None:
    await make().migrate()
    killed = await Store.open(make()._database_url(make()._folder()))
    await killed.leadership.campaign("a", 10.0)
    await killed.aclose()
    platform = make(replica="a")
    await platform.start()
    assert platform.leader.term is not None


async def test_new_keys_make_old_signatures_and_cookies_invalid(make: Make) -> None:
    platform = make()
    await platform.start()
    old = {name: await platform.store.settings.ensure(name, lambda: b"k" * 32) for name in KEYS}
    with pytest.raises(Unavailable, match="Another Perijove service runs"):
        await make().rotate_keys()
    await platform.stop()
    await make().rotate_keys()
    await platform.start()
    new = {name: await platform.store.settings.get(name) for name in KEYS}
    assert all(new[name] not in {None, old[name]} for name in KEYS)


KEYS = ("signing_key", "cookie_secret")
