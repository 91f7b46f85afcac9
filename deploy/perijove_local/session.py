"""One run of a local platform: take its directory, start it, write ``env`` for the user demo, and stop it all again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from perijove.ports import is_free
from perijove_local.home import Home
from perijove_local.hub import Hub

USER = "demo"


class PortTaken(Exception):
    """Another program listens on the port."""


@contextmanager
def running(home: Home, port: int) -> Iterator[Hub]:
    """Run a platform for the length of a ``with`` block; SIGINT, SIGTERM and SIGHUP end the block.

    Raises
    ------
    AlreadyRunning
        A platform runs on `home` already.
    PortTaken
        Another program listens on `port`.
    HubFailed
        It did not start, or did not stop by itself.
    """
    with home.lock(), _interruptible():
        if not is_free(port):
            raise PortTaken(f"Port {port} is taken by another program. Choose another one: PORT={port + 1}")
        hub = Hub(home, port)
        try:
            hub.start()
            home.write_env(hub.service_url, _token(home, hub))
            yield hub
        finally:
            _ignore_interrupts()
            hub.stop()


def _token(home: Home, hub: Hub) -> str:
    """Return the token of the last run while it is good, so that shells which sourced ``env`` go on working."""
    last = home.read_env().get("PERIJOVE_TOKEN")
    return last if last and hub.accepts(last) else hub.token(USER)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals that ask to end into KeyboardInterrupt; put the old handlers back afterwards."""
    old = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """Let nothing cut the clean-up short: an impatient second Ctrl-C would leave processes behind."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
