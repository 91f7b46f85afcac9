"""Idempotency-Keys: a request repeated with its key makes nothing twice, whatever it makes.

The key is noted in the transaction that makes the thing (`perijove_scheduler.store.idempotency`), beside that by which
the thing is found again. Answers are not kept: a repetition is answered from what was made, as it is now. An enrolment
token, of which nothing but a digest is kept, is worked out anew from what the key's row holds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel

from perijove.aio.executors import COMPUTING
from perijove.errors import Conflict, IdempotencyConflict, InvalidRequest, NotFound, PerijoveError, Unavailable
from perijove.model.ids import KEY_PATTERN
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.idempotency import Claim, KeyUsed
from perijove_scheduler.store.store import Store

T = TypeVar("T")

_KEY = re.compile(KEY_PATTERN)
#: The name of the setting that enrolment tokens are worked out from.
_SETTING = "derivation_key"


class Keys:
    """Makes what is asked for once for each key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self, caller: Caller, key: str | None, action: str, body: BaseModel | None = None) -> Claim | None:
        """Return a caller's claim to have `action` done with `body`; None without a key.

        Raises
        ------
        perijove.errors.InvalidRequest
            This is not a key.
        """
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise InvalidRequest("An Idempotency-Key is 1 to 255 printable ASCII characters without spaces.")
        return Claim(caller.name, key, await COMPUTING.run(_digest, action, body))

    async def once(
        self,
        claim: Claim | None,
        make: Callable[[], Awaitable[T]],
        again: Callable[[str], Awaitable[T]],
        *,
        look_first: bool = False,
    ) -> T:
        """Return what `make` makes, or what was made before with the same key, as `again` finds it.

        Parameters
        ----------
        make : callable
            Notes the claim with the store in the transaction that makes the thing.
        again : callable
            Is given what was noted beside the key.
        look_first : bool
            Whether the key is looked up before `make` is tried, which is worth it where that costs much more.

        Raises
        ------
        perijove.errors.IdempotencyConflict
            The key was used for another request.
        perijove.errors.Conflict
            What was made is gone.
        """
        if (made := await self._made(claim) if look_first else None) is None:
            try:
                return await make()
            except Unavailable:
                raise
            except (KeyUsed, PerijoveError):  # that it was made before may be why it can't be made
                made = await self._made(claim)
                if made is None:
                    raise
        try:
            return await again(made)
        except NotFound as error:
            raise Conflict(
                "What this Idempotency-Key made was deleted since.", "Use a fresh key to make it anew."
            ) from error

    async def token(self, nonce: str) -> str:
        """Return the secret that belongs to a word that is used once: always the same, and only worked out here."""
        secret = await self._store.settings.ensure(_SETTING, lambda: secrets.token_bytes(32))
        return base64.urlsafe_b64encode(hmac.digest(secret, nonce.encode(), "sha256")).decode().rstrip("=")

    async def _made(self, claim: Claim | None) -> str | None:
        if claim is None:
            return None
        row = await self._store.idempotency.find(claim.owner, claim.key)
        if row is None:
            return None
        if row.request_sha256 != claim.request_sha256:
            raise IdempotencyConflict
        return row.made


def _digest(action: str, body: BaseModel | None) -> str:
    """Return what tells two requests apart."""
    document = f"{action} {'' if body is None else body.model_dump_json(by_alias=True)}"
    return hashlib.sha256(document.encode()).hexdigest()
