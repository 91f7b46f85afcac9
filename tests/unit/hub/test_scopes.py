from __future__ import annotations

import pytest

from perijove_hub.scopes import granted


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        ((), set()),
        (("custom:perijove:read",), {"read"}),
        (("custom:perijove:submit",), {"read", "submit"}),
        (("custom:perijove:admin", "admin:users"), {"read", "submit", "admin"}),
        (("custom:other:admin", "admin:users", "read:metrics"), set()),
        (("custom:perijove:unheard-of",), set()),
    ],
)
def test_a_tokens_scopes_allow_what_they_include_and_nothing_else(held, allowed):
    assert granted(held) == allowed
