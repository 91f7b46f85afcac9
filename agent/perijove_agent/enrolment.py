"""Enrols the agent over REST: the one time it speaks to the master directly."""

from __future__ import annotations

import logging
import platform

import httpx

from perijove import __version__
from perijove.errors import PerijoveError
from perijove.model.fleet import RUNTIMES, Enrol, Enrolment
from perijove.patience import Backoff
from perijove.wire import versions
from perijove_agent.settings import Settings
from perijove_agent.staging.download import describe

log = logging.getLogger(__name__)


class EnrolmentRefused(PerijoveError):
    """The master refused to enrol this agent."""


class _NotThere(Exception):
    """Something answers, but not (or not yet) a Perijove service: a proxy whose route is not made, for example."""


async def enrol(http: httpx.AsyncClient, settings: Settings, tries: int = 10) -> Enrolment:
    """Enrol; wait for a master that is away.

    Parameters
    ----------
    tries : int
        How often something else than a Perijove service may answer before this is given up.

    Raises
    ------
    EnrolmentRefused
        The token is wrong, the group does not exist, or there is no Perijove service: trying again is no use.
    """
    request = Enrol(
        group=settings.group,
        token=settings.token,
        host=platform.node()[:255],
        version=__version__,
        capacity=settings.capacity,
        worker=settings.worker,
        oldest_protocol=versions.OLDEST,
        newest_protocol=versions.NEWEST,
    )
    url = f"{settings.url.rstrip('/')}/api/v1/agents"
    backoff, strange = Backoff(0.2, 15.0), 0
    while True:
        try:
            return _read(await http.post(url, json=request.model_dump(mode="json")), url)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            log.info("the master is not there yet: %s", describe(error))
        except _NotThere as error:
            strange += 1
            if strange >= tries:
                raise EnrolmentRefused(str(error)) from None
        await backoff.sleep()


def _read(response: httpx.Response, url: str) -> Enrolment:
    if response.is_server_error or response.status_code in {408, 429}:
        response.raise_for_status()
    try:
        if response.is_success:
            return _usable(Enrolment.model_validate_json(response.content))
        error = response.json()["error"]
        sentence = f"{error['message']} {error['hint']}".strip()
    except (ValueError, KeyError, TypeError):
        answer = f"{response.status_code} {response.reason_phrase}".strip()
        raise _NotThere(f"{url} answered {answer}, which is not what a Perijove service says.") from None
    raise EnrolmentRefused(sentence)


def _usable(enrolment: Enrolment) -> Enrolment:
    """Return an enrolment whose work this agent can run as its group means it to be run."""
    if enrolment.runtime not in RUNTIMES:
        raise EnrolmentRefused(
            f"The group's runtime is '{enrolment.runtime}', which this agent (version {__version__}) does not have."
        )
    if not versions.OLDEST <= enrolment.protocol <= versions.NEWEST:
        raise EnrolmentRefused(f"The service speaks protocol {enrolment.protocol}, this agent {versions.NEWEST}.")
    return enrolment
