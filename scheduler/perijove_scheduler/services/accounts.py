"""Hub accounts: who is behind a name, and what goes from one name to another."""

from __future__ import annotations

import logging
import re

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound
from perijove.model.ids import REFERENCE_PATTERN, new_id
from perijove.model.resources import AuditEntry, Page
from perijove_scheduler.services.access import checked_cursor
from perijove_scheduler.services.caller import FORMER, Caller
from perijove_scheduler.services.keys import Keys
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import AuditRow

_log = logging.getLogger(__name__)
_NAME = re.compile(REFERENCE_PATTERN)
_NAME_LIMIT = 255
_KEPT_OF_NAME = 200
#: How many accounts are remembered, so that not every request reads the database.
_MOST_MET = 10_000


class Accounts:
    """What is known of the people behind the Hub's names, and what administrators do with what those own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = Keys(store)
        self._met: dict[str, str] = {}  # accounts that were found to be the ones they were

    async def meet(self, name: str, created: str, *, keeps: bool = False) -> None:
        """See to it that nobody gets what an earlier account of their name owns.

        Parameters
        ----------
        created : str
            When the Hub says that the account was made.
        keeps : bool
            Whether another account of a name is the same person all the same, as where the Hub's database was made
            anew. Else what the name owns is kept away, until an administrator hands it over.

        Raises
        ------
        perijove.errors.Forbidden
            It is the earlier account that asks: its token is still remembered, or the Hub's database was restored.
        """
        if self._met.get(name) == created:
            return
        known = await self._store.accounts.bind(name, created)
        if len(self._met) >= _MOST_MET:
            self._met.clear()
        if known == created:
            self._met[name] = created
            return
        if keeps:
            await self._store.accounts.rebind(name, known, created)
            _log.warning(
                "the Hub's account %s was made anew (%s, before %s); it keeps what it had", name, created, known
            )
            return
        if created < known:
            raise Forbidden(
                f"The Hub's account {name} is older than the one that has this name here.",
                "Ask an administrator of Perijove: after the Hub's database was restored, 'recreated_accounts' says "
                "whether people keep what they have.",
            )
        elsewhere = f"{FORMER}{name[:_KEPT_OF_NAME]}:{new_id('us').partition('-')[2]}"
        if await self._store.accounts.park(name, known, created, elsewhere):
            _log.warning(
                "the Hub's account %s is another one (made %s, the earlier one %s); what that one owned now belongs "
                "to '%s': `perijove admin hand-over` gives it to somebody",
                name, created, known, elsewhere,
            )  # fmt: skip

    async def hand_over(self, caller: Caller, source: str, target: str, key: str | None = None) -> AuditEntry:
        """Give all that one user owns to another: projects, executions, memberships. It is written down."""
        caller.require("admin")
        if not (_NAME.fullmatch(target) and 0 < len(target) <= _NAME_LIMIT) or target.startswith(FORMER):
            raise InvalidRequest(f"'{target}' is not a name of a Hub user.")
        if source == target:
            raise Conflict("The two names are the same.", "Name who had it, then who gets it.")
        claim = await self._keys.claim(caller, key, f"hand over {source} to {target}")

        async def make() -> AuditEntry:
            entry = await self._store.accounts.hand_over(caller.name, source, target, claim)
            if entry is None:
                raise NotFound(f"Nothing belongs to '{source}'.", "`perijove admin audit` shows what was handed over.")
            _log.warning("%s handed over what belonged to %s to %s: %s", caller.name, source, target, entry.detail)
            return _shown(entry)

        async def again(made: str) -> AuditEntry:
            entry = await self._store.accounts.entry(made)
            if entry is None:
                raise NotFound
            return _shown(entry)

        return await self._keys.once(claim, make, again)

    async def audit(self, caller: Caller, cursor: str | None = None, limit: int = 50) -> Page[AuditEntry]:
        """List what was handed over or kept away, the newest first."""
        caller.require("admin")
        rows = await self._store.accounts.audit(checked_cursor(cursor), limit + 1)
        items = [_shown(row) for row in rows[:limit]]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def _shown(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        source=row.source,
        target=row.target,
        detail=row.detail,
    )
