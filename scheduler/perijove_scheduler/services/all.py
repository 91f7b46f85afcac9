"""All services, put together."""

from __future__ import annotations

from perijove_scheduler.files.protocol import Files
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.queue.tail import Tail
from perijove_scheduler.services.access import Access
from perijove_scheduler.services.accounts import Accounts
from perijove_scheduler.services.agents import Agents
from perijove_scheduler.services.announce import Announcer
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.changes import Changes
from perijove_scheduler.services.code import CodeVersions
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.services.events import Events
from perijove_scheduler.services.executions import Executions
from perijove_scheduler.services.groups import Groups
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.services.outputs import Outputs
from perijove_scheduler.services.projects import Projects
from perijove_scheduler.services.retention import Retention
from perijove_scheduler.services.story import Story
from perijove_scheduler.services.submission import Submission
from perijove_scheduler.store.store import Store


class Services:
    """Everything a handler or a loop may ask for."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        tail: Tail,
        files: Files,
        bell: Bell,
        limits: Limits,
        keys: WorkerKeys | None = None,
    ) -> None:
        self.worker_keys = keys = keys or WorkerKeys.fresh()
        self.limits = limits
        access = Access(store)
        leftovers = Leftovers(store, files)
        submission = Submission(store, files, access, leftovers, Offers(queue, files), limits)
        announcer = Announcer(queue, bell)
        self.accounts = Accounts(store)
        self.projects = Projects(store, access, leftovers)
        self.executions = Executions(store, queue, access, submission, leftovers, announcer, limits)
        self.outputs = Outputs(store, files, access, limits)
        self.story = Story(store, queue, tail, files, access, Changes(queue), limits)
        self.code = CodeVersions(store, files, access, limits)
        self.retention = Retention(store, files, access, limits.retention, bell)
        self.groups = Groups(store, queue, bell)
        self.agents = Agents(store, queue, bell, keys)
        self.events = Events(store)

    async def aclose(self) -> None:
        """End what goes on beside requests; before the store is closed."""
        await self.story.aclose()
