from __future__ import annotations

import pytest

from perijove.errors import Forbidden
from perijove_scheduler.services.caller import Caller


@pytest.mark.parametrize(
    ("held", "allowed"),
    [("read", ["read"]), ("submit", ["read", "submit"]), ("admin", ["read", "submit", "admin"])],
)
def test_a_scope_includes_the_lesser_ones(held: str, allowed: list[str]) -> None:
    caller = Caller("ada", scopes=frozenset({held}))
    for scope in allowed:
        caller.require(scope)
    for scope in {"read", "submit", "admin"} - set(allowed):
        with pytest.raises(Forbidden, match=f"custom:perijove:{scope}"):
            caller.require(scope)


def test_without_a_scope_nothing_is_allowed() -> None:
    with pytest.raises(Forbidden):
        Caller("ada").require("read")


def test_only_the_admin_scope_makes_an_admin() -> None:
    assert Caller("root", scopes=frozenset({"admin"})).admin
    assert not Caller("ada", scopes=frozenset({"submit"})).admin
