"""What the handlers share: the master, JSON bodies, and errors as the REST API words them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError

from perijove.errors import InvalidRequest, PerijoveError
from perijove_server.master import Master
from perijove_server.problems import status_of

#: What an authorizer of the Jupyter server is asked about.
RESOURCE = "perijove"


class Handler(APIHandler):
    """A JSON handler; a `PerijoveError` becomes its own status and body."""

    auth_resource = RESOURCE

    @property
    def master(self) -> Master:
        """The connection to the master."""
        master: Master = self.settings["perijove_master"]
        return master

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object.

        Raises
        ------
        perijove.errors.InvalidRequest
            It is not one.
        """
        return read_object(self.request.body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with `{"error": {code, message, hint}}`, as the master does."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, PerijoveError):
            self.set_status(status_of(error))
            body = error.as_json()
        else:
            message = error.log_message if isinstance(error, HTTPError) and error.log_message else ""
            phrase = HTTPStatus(status_code).phrase
            body = {"error": {"code": phrase.lower().replace(" ", "_"), "message": message or f"{phrase}.", "hint": ""}}
        self.finish(json.dumps(body))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Log a refusal as one line; anything unexpected with its traceback."""
        if isinstance(error, PerijoveError):
            self.log.info("Refused %s %s: %s", self.request.method, self.request.path, error.message)
        else:
            super().log_exception(kind, error, trace)


def read_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a request's body.

    Raises
    ------
    perijove.errors.InvalidRequest
        It is not one.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("The request's body is not JSON.") from None
    if not isinstance(body, dict):
        raise InvalidRequest("The request's body is not a JSON object.")
    return body
