"""What is said of an address that does not work never holds its password, however the address is written."""

from __future__ import annotations

import logging
import traceback

import pytest

from perijove.errors import Unavailable
from perijove_scheduler.platform.connections import open_queue, open_store

_SECRET = "s3cr3t-Pa55"
_PASSWORDS = (_SECRET, f"{_SECRET}/x", f"a:{_SECRET}", f"{_SECRET}@y", f"%zz{_SECRET}", f"#{_SECRET}", f"{_SECRET}?q")
_REDIS = ("redis://:{}@127.0.0.1:1/0", "rediss://user:{}@127.0.0.1:1", "unix://:{}@/nowhere.sock", "redis//:{}@h")
_DATABASES = ("postgresql://u:{}@127.0.0.1:1/x", "postgresql://u:{}@/x?host=/nowhere", "nonsense://u:{}@h/x", "u:{}@h")


@pytest.mark.parametrize("password", _PASSWORDS)
@pytest.mark.parametrize("address", [*_REDIS, *_DATABASES])
async def test_a_refusal_names_the_address_and_not_its_password(
    address: str, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = address.format(password)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Unavailable) as refusal:
        await (open_queue(url, 30.0) if address in _REDIS else open_store(url))
    told = f"{refusal.value.message} {refusal.value.hint} {caplog.text}"
    assert _SECRET not in told
    assert _SECRET not in "".join(traceback.format_exception_only(refusal.value))
