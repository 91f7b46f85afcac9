"""A browser's session: whoever signs in to the Hub with the password of its data folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from perijove_local.hub import Hub


@contextmanager
def signed_in(hub: Hub, user: str) -> Iterator[httpx.Client]:
    """Return a client with the cookies of `user`, who has signed in to the Hub."""
    password = (hub.home.path / "password").read_text(encoding="utf-8")
    with httpx.Client(base_url=hub.url, follow_redirects=True, timeout=60) as client:
        form = client.get("hub/login").text
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form)
        assert xsrf is not None
        answer = client.post("hub/login", data={"username": user, "password": password, "_xsrf": xsrf[1]})
        assert answer.is_success, answer.text
        yield client
