"""The client of the REST API: `Client` and `AsyncClient`, and `run`, which submits a notebook in one call.

A client's methods are written once, as flows (`perijove.client.flow`), and performed by two drivers.
"""

from perijove.client.client import AsyncClient, Client
from perijove.client.events import Changed, ExecutionEvent, Recorded
from perijove.client.remote import RemoteExecution, run
from perijove.client.settings import Settings
from perijove.client.submit import Submission

__all__ = [
    "AsyncClient",
    "Changed",
    "Client",
    "ExecutionEvent",
    "Recorded",
    "RemoteExecution",
    "Settings",
    "Submission",
    "run",
]
