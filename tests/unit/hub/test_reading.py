"""Bodies of requests: small ones are read at once, large ones by a process, and none by whatever it costs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from perijove.errors import InvalidNotebook, InvalidRequest, InvalidSpec, PerijoveError
from perijove.model.resources import CreateExecution
from perijove_hub.reading import INLINE, Body, read

SPEC = {"notebook": {"path": "a.ipynb"}, "group": "local"}


def text(*sources: str, **changes: Any) -> bytes:
    cells = [
        {"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": source, "outputs": [],
         "execution_count": None} for number, source in enumerate(sources)
    ]  # fmt: skip
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changes}
    return json.dumps({"spec": SPEC, "notebook": notebook}).encode()


async def turns_during(body: bytes) -> tuple[Body, int]:
    """Read a body; return it, and how many turns the event loop had meanwhile."""
    turns, reading = 0, asyncio.create_task(read(CreateExecution, body))
    while not reading.done():
        turns += 1
        await asyncio.sleep(0.001)
    return await reading, turns


async def test_a_large_body_leaves_the_event_loop_to_others() -> None:
    body, turns = await turns_during(text(*["x = 1"] * 300, "y" * 1_000_000))
    assert isinstance(body.model, CreateExecution)
    assert (body.model.notebook, body.document is not None) == (None, True)
    assert turns > 10


async def test_a_body_is_the_same_whoever_reads_it() -> None:
    small, turns = await turns_during(text("x = 1"))
    assert turns < 10
    large, _ = await turns_during(text("x = 1") + b" " * INLINE)
    assert small == large


@pytest.mark.parametrize("size", [100, 5_000_000])
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"spec":['])
async def test_nesting_without_end_is_refused_in_a_sentence(opening: str, size: int) -> None:
    for body in (opening * size, f'{{"spec": {json.dumps(SPEC)}, "notebook": {{"cells": {opening * size}'):
        with pytest.raises(InvalidRequest):
            await read(CreateExecution, body.encode())


@pytest.mark.parametrize("deep", [150, 1_000, 100_000])
async def test_a_notebook_that_is_nested_too_deep_is_refused_in_a_sentence(deep: int) -> None:
    nested = b'{"a":' * deep + b"1" + b"}" * deep
    body = text("x").replace(b'"metadata": {}, "cells"', b'"metadata": ' + nested + b', "cells"')
    assert nested in body
    with pytest.raises((InvalidNotebook, InvalidRequest)):
        await read(CreateExecution, body)


@pytest.mark.parametrize("padding", [0, INLINE])
async def test_what_is_wrong_is_said_whoever_reads_it(padding: int) -> None:
    wrong = {
        b"[]": InvalidRequest,
        b"{": InvalidRequest,
        b'{"spec": {"group": "local"}}': InvalidSpec,
        text(): InvalidNotebook,
        text("x", nbformat=3): InvalidNotebook,
    }
    for body, kind in wrong.items():
        with pytest.raises(PerijoveError) as refused:
            await read(CreateExecution, body + b" " * padding)
        assert type(refused.value) is kind
        assert refused.value.status < 500
