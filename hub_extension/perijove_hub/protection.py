"""What every answer tells a browser, so that content does not become a page, and a page is not used by others."""

from __future__ import annotations

from tornado.web import RequestHandler, StaticFileHandler

#: For whoever reads the API, and for bytes: nothing of it may act.
INERT = "default-src 'none'; frame-ancestors 'none'"
#: For pages: what they load, they load from the service.
OF_PAGES = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


def protect(handler: RequestHandler, policy: str) -> None:
    """Set the headers of an answer with this Content-Security-Policy."""
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Content-Security-Policy", policy)
    # An address names executions and, where it is signed, gives rights; other sites need not learn it.
    handler.set_header("Referrer-Policy", "same-origin")
    handler.clear_header("Server")


class ProtectedFiles(StaticFileHandler):
    """The pages' own scripts and styles."""

    def set_default_headers(self) -> None:
        """Forbid whatever such a file does not need."""
        protect(self, INERT)
