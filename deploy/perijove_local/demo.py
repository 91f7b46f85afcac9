"""``make demo``: start a platform, run the example on it as a person would, show it live, and stop everything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from perijove.ports import free_ports, is_free
from perijove.streams import make_printable
from perijove_local.home import ROOT, AlreadyRunning, Home
from perijove_local.hub import HubFailed
from perijove_local.session import PortTaken, running

_EXAMPLE = Path("examples") / "digits.ipynb"
_EPILOGUE = """\
Done, and everything is stopped again. The execution, its log and its outputs stay in {home};
`make up` brings the platform back with them. Sign in there, open examples/digits.ipynb and press Run remotely."""


def main() -> int:
    """Run the demonstration; return 0 if the example completed, else 1 having said what went wrong."""
    make_printable()
    home = Home()
    try:
        return _demonstrate(home)
    except AlreadyRunning:
        _say(f"A platform already runs on {home.path}; the example runs there.")
        return _run_example(home.read_env())
    except (PortTaken, HubFailed) as problem:
        _say(str(problem))
    except KeyboardInterrupt:
        _say("Interrupted; everything is stopped.")
    return 1


def _demonstrate(home: Home) -> int:
    wanted = int(os.environ.get("PORT", "8000"))
    port = wanted if is_free(wanted) else free_ports(1)[0]
    _say(f"Starting JupyterHub with Perijove at http://127.0.0.1:{port}/ …")
    with running(home, port):
        status = _run_example(home.read_env())
        _say("Stopping the Hub, the service, its agents and its Redis …")
    if status == 0:
        _say(_EPILOGUE.format(home=os.path.relpath(home.path)))
    return status


def _run_example(connection: Mapping[str, str]) -> int:
    """Run the example with the command line a person would use; it follows the run and tells how it ended."""
    command = [str(Path(sys.executable).with_name("perijove")), "run", str(_EXAMPLE), "--title", "demo"]
    _say(f"$ perijove {' '.join(command[1:])}")
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **connection}, check=False).returncode
    if status:
        _say(f"The example did not complete: perijove ended with exit status {status}.")
    return 1 if status else 0


def _say(text: str) -> None:
    print(f"perijove: {text}" if not text.startswith("$") else text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
