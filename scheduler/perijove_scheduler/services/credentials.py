"""What workers are known by: the key that seals a worker's events, and the token of a machine that we start.

Both are derived from one key of the platform's, so every replica and every later start has the same, and nothing of
them is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from typing_extensions import Self

_BYTES = 32
#: What a machine's token begins with: a group's own is looked up, this one is computed.
_MACHINE = "machine-"


class WorkerKeys:
    """Derives what workers are given.

    Parameters
    ----------
    key : bytes
        The platform's secret, at least 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _BYTES:
            raise ValueError("the workers' key must have at least 32 bytes")
        self._key = key

    @classmethod
    def fresh(cls) -> Self:
        """Return keys that nobody had before, for a platform that keeps nothing."""
        return cls(secrets.token_bytes(_BYTES))

    def event_key(self, worker: str, password_sha256: str) -> str:
        """Return the key that an enrolled worker seals its events with; enrolling again makes another one."""
        return self._derive("events", worker, password_sha256)

    def machine_token(self, group: str, worker: str) -> str:
        """Return the enrolment token of a machine that is started for `worker`; it enrols nobody else."""
        return _MACHINE + self._derive("machine", group, worker)

    def is_machine_token(self, token: str, group: str, worker: str | None) -> bool:
        """Return whether a token is that of a machine started for `worker`."""
        expected = self.machine_token(group, worker or "")
        return worker is not None and hmac.compare_digest(token.encode(), expected.encode())

    def _derive(self, purpose: str, *names: str) -> str:
        # None of the names holds a NUL, so no two lists of names are written alike.
        return hmac.new(self._key, "\0".join((purpose, *names)).encode(), hashlib.sha256).hexdigest()
