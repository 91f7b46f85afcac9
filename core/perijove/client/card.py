"""An execution as what a notebook cell displays: a live card in JupyterLab, words elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from perijove.model.resources import Execution

#: Rendered by Perijove's JupyterLab extension, which asks the service for the rest and keeps it up to date.
MIME_TYPE = "application/vnd.perijove.execution+json"


def bundle(execution: Execution) -> dict[str, Any]:
    """Return a MIME bundle of an execution.

    The card's payload holds what identifies it and what it looked like when it was displayed: a notebook is read by
    people who cannot reach the service, or no longer.
    """
    title = execution.spec.heading()
    return {
        MIME_TYPE: {
            "id": execution.id,
            "number": execution.number,
            "project_name": execution.project_name,
            "title": title,
            "group": execution.spec.group,
            "status": execution.status.value,
            "sentence": execution.sentence,
            "url": execution.url,
        },
        "text/html": (
            f"<p>{_link(execution.url, f'{title} #{execution.number}')} · {escape(execution.spec.group)} · "
            f"{escape(execution.sentence)}</p>"
        ),
        "text/plain": f"{title} #{execution.number} · {execution.spec.group} · {execution.sentence}\n{execution.url}",
    }


def _link(url: str, text: str) -> str:
    """Return a link, or only its text where the address is not one of a web page."""
    if not url.startswith(("http://", "https://")):
        return escape(text)
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(text)}</a>'
