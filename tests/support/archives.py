"""Code snapshots for tests: good ones, and ones that nobody's client would send."""

from __future__ import annotations

import hashlib
import io
import tarfile

import zstandard


def archive(*members: tarfile.TarInfo, content: bytes = b"print(1)\n") -> bytes:
    """Return a ``tar.zst`` of `members`; files have `content`. Without members it holds ``main.py``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members or (tarfile.TarInfo("main.py"),):
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return zstandard.compress(buffer.getvalue())


def link(name: str, target: str) -> tarfile.TarInfo:
    """Return a symbolic link."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def device(name: str) -> tarfile.TarInfo:
    """Return a character device."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.CHRTYPE
    return member


def code_id(body: bytes) -> str:
    """Return the id of a snapshot with these bytes."""
    return "~" + hashlib.sha256(body).hexdigest()


#: Snapshots that would lay files where they do not belong.
EVIL = {
    "a name that leaves the folder": archive(tarfile.TarInfo("../evil.py")),
    "an absolute name": archive(tarfile.TarInfo("/etc/evil")),
    "a link that leaves the folder": archive(link("data", "../../etc")),
    "a device": archive(device("null")),
    "a name with a control character": archive(tarfile.TarInfo("a\x01b")),
    "an entry that stands twice": archive(tarfile.TarInfo("a"), tarfile.TarInfo("a")),
}
