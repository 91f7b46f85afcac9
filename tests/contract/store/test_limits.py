"""The largest values that may be stored are, and a value that is too large is not taken for a database that is away."""

from __future__ import annotations

from random import Random

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from perijove.model.events import OutputFile
from perijove.model.ids import PATH_BYTES, PATH_CHARACTERS
from perijove_scheduler.store.store import Store

from .test_lifecycle import DIGEST, apply, finished, started


@pytest.mark.parametrize("script", [(0x30, 0x5B), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF)], ids=["A", "中", "𠀀"])
async def test_the_longest_names_that_outputs_may_have_are_stored_in_every_script(world, script) -> None:
    execution, random = await started(world), Random(1)
    length = min(PATH_CHARACTERS, PATH_BYTES // len(chr(script[1]).encode()))
    name = "".join(chr(random.randint(*script)) for _ in range(length))
    with pytest.raises(ValidationError):
        OutputFile(name=f"{name}{name[0]}", size=1, sha256=DIGEST)
    await apply(world, finished(execution, outputs=[OutputFile(name=name, size=1, sha256=DIGEST)]))
    assert [output.name for output in await world.outputs(execution)] == [name]


async def test_a_value_that_no_index_takes_is_not_taken_for_a_database_that_is_away(migrated_postgres_url: str) -> None:
    store = await Store.open(migrated_postgres_url)
    with pytest.raises(OperationalError, match="index row"):
        await _index(store, Random(1).randbytes(9000).hex())
    await store.aclose()


async def _index(store: Store, value: str) -> None:
    async with store.write() as session:
        await session.execute(text("CREATE TEMPORARY TABLE indexed (value text UNIQUE) ON COMMIT DROP"))
        await session.execute(text("INSERT INTO indexed VALUES (:value)"), {"value": value})
