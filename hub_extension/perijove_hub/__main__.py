"""``python -m perijove_hub``: the service, as JupyterHub starts it."""

from __future__ import annotations

from perijove_hub.application import PerijoveHub


def main() -> None:
    """Run the service."""
    PerijoveHub.launch_instance()


if __name__ == "__main__":
    main()
