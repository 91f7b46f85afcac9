"""Looks at what the configuration says before anything is started with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from perijove_scheduler.platform.findings import Finding


@dataclass(frozen=True)
class SettingsFacts:
    """Those of the platform's settings that can be wrong by themselves."""

    public_url: str
    files_dir: Path
    local_group: str
    shared_origin: bool


def check_settings(facts: SettingsFacts) -> list[Finding]:
    """Return what is wrong with the settings, or worth knowing of them; the fatal first."""
    found = []
    if not _is_address(facts.public_url):
        sentence = f"Platform.public_url is {facts.public_url!r}, which is not the address of a service."
        found.append(Finding(sentence, "Write https://hub.example.org/services/perijove."))
    if facts.files_dir.exists() and not facts.files_dir.is_dir():
        found.append(Finding(f"Platform.files_dir is {facts.files_dir}, which is not a folder.", "Name a folder."))
    if facts.local_group:
        sentence = (
            f"Work in group {facts.local_group} runs on this machine without isolation, as the service's own user."
        )
        hint = "It can read whatever the service can. Leave Platform.local_group empty where people share this Hub."
        found.append(Finding(sentence, hint, fatal=False))
    if facts.shared_origin:
        sentence = (
            "The Hub serves people's own servers under its own address, so a page of theirs can act for who opens it."
        )
        hint = "Set c.JupyterHub.subdomain_host; docs/security.md says what it protects."
        found.append(Finding(sentence, hint, fatal=False))
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port that is no number
        return False
