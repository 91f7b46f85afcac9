"""Mint a Hub token for a user with the set-up service's token: ``python -m perijove_hub.tokens demo``.

A platform that starts by itself (``make up``, ``make demo``, the tests) needs a token of a user nobody has signed in as
yet. The Hub lets a service with the scope ``tokens!user=<name>`` make one.
"""

from __future__ import annotations

import argparse
import os
import sys

import httpx

from perijove.errors import ConnectionLost, Forbidden


def mint(hub_url: str, setup_token: str, user: str, note: str = "perijove", days: int | None = 30) -> str:
    """Return a fresh token of `user`.

    Parameters
    ----------
    hub_url : str
        The Hub's address as people use it, such as ``http://127.0.0.1:8000``.
    setup_token : str
        A token that may make tokens for `user`.
    days : int, optional
        How long the new token is valid; None for as long as the Hub lets it.

    Raises
    ------
    perijove.errors.Forbidden
        The Hub refuses; its reason is the message.
    perijove.errors.ConnectionLost
        The Hub does not answer.
    """
    body = {"note": note, **({"expires_in": days * 86_400} if days else {})}
    url = f"{hub_url.rstrip('/')}/hub/api/users/{user}/tokens"
    try:
        answer = httpx.post(url, json=body, headers={"Authorization": f"token {setup_token}"}, timeout=30)
    except httpx.TransportError as error:
        raise ConnectionLost(f"The Hub at {hub_url} does not answer: {error}") from error
    if answer.is_error:
        raise Forbidden(f"The Hub refuses a token for {user}: {answer.text}")
    return str(answer.json()["token"])


def main(arguments: list[str] | None = None) -> int:
    """Print a fresh token; the set-up token comes from the environment, so that no process list shows it."""
    parser = argparse.ArgumentParser(prog="perijove_hub.tokens", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("user")
    parser.add_argument("--hub-url", default="http://127.0.0.1:8000")
    chosen = parser.parse_args(arguments)
    print(mint(chosen.hub_url, os.environ["PERIJOVE_SETUP_TOKEN"], chosen.user))
    return 0


if __name__ == "__main__":
    sys.exit(main())
