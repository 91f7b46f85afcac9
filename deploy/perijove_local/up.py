"""``make up``: the platform in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import sys

from perijove.streams import make_printable
from perijove_local.home import AlreadyRunning, Home
from perijove_local.hub import Hub, HubFailed
from perijove_local.session import USER, PortTaken, running

_GREETING = """\
Perijove runs at {url}

  sign in       user {user}, password: cat {home}/password
                (administrator: user admin, password: cat {home}/admin-password)
  command line  . {env} && perijove ls
                perijove run examples/digits.ipynb
  log           {log}
  state         {home}; it stays when you stop and is found again at the next start

Ctrl-C stops everything."""


def main() -> int:
    """Run the platform; return the exit status."""
    make_printable()
    home = Home()
    port = int(os.environ.get("PORT", "8000"))
    print("Starting JupyterHub with Perijove …", flush=True)
    try:
        with running(home, port) as hub:
            print(_greeting(hub), flush=True)
            return _until_interrupted(hub)
    except KeyboardInterrupt:
        return 130  # while it was starting
    except (AlreadyRunning, PortTaken, HubFailed) as problem:
        print(f"perijove: {problem}", file=sys.stderr)
        return 1


def _until_interrupted(hub: Hub) -> int:
    try:
        status = hub.wait()
    except KeyboardInterrupt:
        print("\nStopping the Hub, the service, its agents and its Redis …", flush=True)
        return 0
    print(f"perijove: JupyterHub ended by itself with status {status}; see {hub.home.log}", file=sys.stderr)
    return 1


def _greeting(hub: Hub) -> str:
    home, env, log = (os.path.relpath(path) for path in (hub.home.path, hub.home.env, hub.home.log))
    return _GREETING.format(url=hub.url, user=USER, home=home, env=env, log=log)


if __name__ == "__main__":
    sys.exit(main())
