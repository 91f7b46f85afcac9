"""What the services are told about the platform they serve."""

from __future__ import annotations

from dataclasses import dataclass, field

from perijove.model.retention import RetentionSettings

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits and addresses.

    Attributes
    ----------
    snapshot_limit, notebook_limit : int
        The most bytes of a code snapshot, and of a submitted notebook document.
    signed_seconds : int
        For how long signed URLs are good.
    public_url : str
        The address of the service, which those of executions and outputs start with; it ends with a slash.
    retention : RetentionSettings
        For how long projects keep what has ended, unless they say otherwise.
    """

    snapshot_limit: int = 1024 * _MEBIBYTE
    notebook_limit: int = 64 * _MEBIBYTE
    signed_seconds: int = 3600
    public_url: str = "/"
    retention: RetentionSettings = field(default_factory=RetentionSettings)

    def api(self, path: str) -> str:
        """Return the address of a path of the REST API."""
        return f"{self.public_url.rstrip('/')}/api/v1/{path}"
