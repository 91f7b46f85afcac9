"""The addresses of the database and of Redis: shown without secrets, and with the files TLS needs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from perijove.errors import Unavailable

#: Options of a Redis URL that name files of the service's machine.
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def shown(url: str) -> str:
    """Return a URL without its password and without its options, which may hold another.

    A password that should have been percent-encoded is not taken for anything else: it ends at the last ``@``.
    """
    plain = url.partition("?")[0]
    head, at, place = (plain if "@" in plain else url).rpartition("@")
    if not at:
        return plain
    scheme, mark, user = head.partition("://") if "://" in head else ("", "", head)
    return f"{scheme}{mark}{user.partition(':')[0]}:***@{place.partition('?')[0]}"


def with_tls(url: str, ca_file: str = "", cert_file: str = "", key_file: str = "") -> str:
    """Return a Redis URL that names these files; what the URL says itself stays.

    Raises
    ------
    perijove.errors.Unavailable
        A file cannot be read, or the URL is not one for TLS.
    """
    files = dict(zip(_FILES, (ca_file, cert_file, key_file), strict=True))
    given = {name: path for name, path in files.items() if path}
    if given and not url.startswith("rediss://"):
        raise Unavailable(f"{shown(url)} is without TLS, yet files for TLS are set.", "Write rediss:// for TLS.")
    for path in given.values():
        _read(path)
    return _with_options(url, {**given, **_options(url)})


def for_workers(url: str) -> str:
    """Return a Redis URL as another machine can use it: with the CA's certificate itself, without our own key."""
    options = _options(url)
    ca_file = options.get("ssl_ca_certs")
    kept = {name: value for name, value in options.items() if name not in _FILES}
    if ca_file:
        kept["ssl_ca_data"] = _read(ca_file)
    return _with_options(url, kept)


def _options(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _with_options(url: str, options: dict[str, str]) -> str:
    return urlunsplit(urlsplit(url)._replace(query=urlencode(options)))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path}, which TLS to Redis needs, cannot be read: {error}", "Check the files.") from error
