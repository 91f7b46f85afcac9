"""Who asks, and what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from perijove.errors import Forbidden
from perijove_scheduler.store.visibility import Viewer

# Each scope includes those before it.
_SCOPES = ("read", "submit", "admin")
#: What the names of Hub services start with here, and those of accounts that are no more. No Hub user may have such a
#: name: it would be another's.
SERVICE, FORMER = "service:", "former:"


@dataclass(frozen=True)
class Caller:
    """A Hub user or service.

    Attributes
    ----------
    name : str
        The Hub user's name; a service's starts with `SERVICE`.
    groups : frozenset of str
        Their Hub groups.
    scopes : frozenset of str
        ``read``, ``submit``, ``admin``: the scopes without their ``custom:perijove:``.
    """

    name: str
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    def require(self, scope: str) -> None:
        """Raise `Forbidden` unless the caller holds `scope`, or one that includes it."""
        enough = _SCOPES[_SCOPES.index(scope) :]
        if not self.scopes.intersection(enough):
            raise Forbidden(
                f"Your token lacks the scope custom:perijove:{scope}.",
                "Ask the Hub for a token with that scope; your administrator grants it through a role.",
            )

    @property
    def admin(self) -> bool:
        """Whether the caller administers the platform."""
        return "admin" in self.scopes

    @property
    def viewer(self) -> Viewer:
        """What decides which rows they see."""
        return Viewer(self.name, self.groups, self.admin)
