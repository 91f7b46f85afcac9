"""The JupyterHub service: authentication, REST, event streams and pages.

In ``jupyterhub_config.py``::

    import perijove_hub

    perijove_hub.configure(c)
"""

from __future__ import annotations

from perijove_hub.configuration import configure

__all__ = ["configure"]
