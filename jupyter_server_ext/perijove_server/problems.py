"""What can be wrong with the way to the master, beyond what the client's errors say."""

from __future__ import annotations

from perijove.errors import Conflict, ConnectionLost, PerijoveError

#: What an address looks like, for whoever types one.
ADDRESS_HINT = "It usually ends with /services/perijove/, such as https://hub.example.org/services/perijove/."


class NotConfigured(Conflict):
    """This Jupyter server does not know which Perijove service to use."""

    default_hint = "Choose 'Connect to Perijove…' in JupyterLab's Settings menu."


class NotPerijove(ConnectionLost):
    """What answers at this address is not a Perijove service."""

    default_hint = ADDRESS_HINT


class FixedByConfiguration(Conflict):
    """The Perijove service is set by this server's configuration, so it cannot be changed here."""

    default_hint = "Ask whoever runs this server, or unset PERIJOVE_URL and PERIJOVE_TOKEN where it is started."


class NotKept(Conflict):
    """The settings cannot be kept."""

    default_hint = "See that Jupyter's configuration folder can be written, or set PERIJOVE_URL and PERIJOVE_TOKEN."


def status_of(error: PerijoveError) -> int:
    """Return the HTTP status of an error, as this server answers it.

    A 401 would say that the person is not signed in to Jupyter, and a 500 that Jupyter is broken: trouble between this
    server and the master is a bad gateway.
    """
    gateway = {401: 502, 500: 502}
    return gateway.get(error.status, error.status)
