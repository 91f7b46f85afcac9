"""``python -m perijove_hub``: the service, as JupyterHub starts it."""

from __future__ import annotations

import logging
import sys

from perijove.errors import PerijoveError
from perijove.streams import make_printable
from perijove_hub.application import PerijoveHub

_log = logging.getLogger("perijove_hub")


def main() -> None:
    """Run the service; end with status 1, and a sentence, where something is wrong."""
    make_printable()
    try:
        PerijoveHub.launch_instance()
    except PerijoveError as error:
        _log.critical("%s %s", error.message, error.hint)
        sys.exit(1)


if __name__ == "__main__":
    main()
