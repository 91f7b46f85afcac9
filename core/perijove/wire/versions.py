"""Which versions of the wire this installation speaks, and what an agent and a service agree on when it enrols.

The number changes with whatever one side sends and the other must understand: the scripts, the events, the control
messages, what enrolment gives. Software of one number works together whatever its own version.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from perijove._version import __version__
from perijove.errors import IncompatibleAgent

#: The oldest and the newest protocol that this software speaks. An agent that names none speaks 1.
OLDEST, NEWEST = 2, 2
#: The oldest agent that is let in, whatever protocol it claims.
OLDEST_AGENT = Version("0.1.0.dev0")


def agree(oldest: int, newest: int, version: str) -> int:
    """Return the newest protocol that an agent and this service both speak.

    Parameters
    ----------
    oldest, newest : int
        What the agent speaks.
    version : str
        The agent's own version.

    Raises
    ------
    perijove.errors.IncompatibleAgent
        There is none, or the version is none that we know; the sentence says which side is to be brought up to date.
    """
    if not _is_known(version):
        raise IncompatibleAgent(f"An agent of version '{version}' is too old for this service.", _install_here())
    if newest < OLDEST:
        spoken = f"protocol {newest}, and this service {OLDEST}"
        raise IncompatibleAgent(f"The agent (version {version}) is too old: it speaks {spoken}.", _install_here())
    if oldest > NEWEST:
        spoken = f"protocol {oldest} or later, and this service (version {__version__}) {NEWEST}"
        hint = f"Bring the service up to date, or install perijove[agent]=={__version__} on the worker."
        raise IncompatibleAgent(f"The agent (version {version}) is too new: it speaks {spoken}.", hint)
    return min(newest, NEWEST)


def _is_known(version: str) -> bool:
    try:
        return Version(version) >= OLDEST_AGENT
    except InvalidVersion:
        return False


def _install_here() -> str:
    return f"On the worker: pip install 'perijove[agent]=={__version__}', then start the agent again."
