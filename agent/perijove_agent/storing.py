"""Stores an attempt's outputs: what can't be taken is left out and named, and the others are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from perijove.aio.executors import FILES
from perijove.model.events import ObjectRequest, OutputFile
from perijove.model.reasons import Reason
from perijove.paths import why_not
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.omissions import Omissions
from perijove_agent.outputs import Found
from perijove_agent.tasks import together
from perijove_agent.upload import Uploader, UploadError, UploadRefused

#: The media type of the executed notebook, and of nothing else among an execution's outputs.
NOTEBOOK = "application/x-ipynb+json"
#: Files stored at a time, and URLs asked for in one request: just before they are used, since they expire.
_AT_ONCE = 4
_PER_REQUEST = 200
#: Files between two words about how far it is.
_SAY_EVERY = 1_000
#: Files in a row that the store refuses before it is taken to refuse them all.
_REFUSED = 8

#: Says something in the attempt's log.
Say = Callable[[str], Awaitable[None]]


async def silent(_text: str) -> None:
    """Say nothing."""


class Storing:
    """Stores files under one attempt's prefix.

    Parameters
    ----------
    say : callable
        Hears, of many files, how far it is.

    Attributes
    ----------
    manifest : list of OutputFile
        What was stored.
    omissions : Omissions
        What could not be read, or is refused by a store that takes others.
    """

    def __init__(self, uploader: Uploader, held: Held, say: Say = silent) -> None:
        self._uploader = uploader
        self._held = held
        self._say = say
        self._refused = 0
        self._total = 0
        self.manifest: list[OutputFile] = []
        self.omissions = Omissions()

    async def store(self, files: Sequence[Found], signed: Mapping[str, str] | None = None) -> None:
        """Store `files`, several at a time.

        Parameters
        ----------
        signed : mapping
            Name → URL of those that were asked for ahead.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.OUTPUT_FAILED`: the store is away, or refuses everything.
        """
        self._total, ahead = len(files), dict(signed or {})
        refusal: UploadRefused | None = None
        for start in range(0, len(files), _PER_REQUEST):
            some = files[start : start + _PER_REQUEST]
            urls = {**await self._sign([file.name for file in some if file.name not in ahead]), **ahead}
            pending = iter(some)
            refusals = await together(self._store_from(pending, urls) for _ in range(_AT_ONCE))
            refusal = next((each for each in refusals if each), refusal)
        if refusal and not self.manifest:
            raise Failure(Reason.OUTPUT_FAILED, f"The store takes none of the outputs: {refusal}.") from refusal
        self.manifest.sort(key=lambda file: file.name)

    async def _sign(self, names: list[str]) -> dict[str, str]:
        """Return a URL for each name, in one request; an empty one where the master gives none."""
        if not names:
            return {}
        urls = await self._uploader.sign(self._held, [ObjectRequest(what="output", name=name) for name in names])
        return dict(zip(names, urls, strict=True))

    async def _store_from(self, files: Iterator[Found], urls: Mapping[str, str]) -> UploadRefused | None:
        """Store what others have not taken yet; return what the store refused last."""
        refusal: UploadRefused | None = None
        for file in files:
            try:
                await self._store(file, urls[file.name])
                self._refused = 0
            except UploadRefused as error:
                self._refused, refusal = self._refused + 1, error
                self.omissions.add(file.name, f"the store refuses it: {error}")
                if self._refused >= _REFUSED:
                    raise Failure(Reason.OUTPUT_FAILED, f"'{file.name}' could not be stored: {error}.") from error
            except UploadError as error:
                raise Failure(Reason.OUTPUT_FAILED, f"'{file.name}' could not be stored: {error}.") from error
            done = len(self.manifest) + self.omissions.count
            if done % _SAY_EVERY == 0 and done < self._total:
                await self._say(f"Stored {len(self.manifest):,} of {self._total:,} outputs.\n")
        return refusal

    async def _store(self, file: Found, url: str) -> None:
        """Store one; where it can't be read, or is another by the time it was, once more as it is then."""
        request, why = ObjectRequest(what="output", name=file.name), ""
        for _ in range(2):
            try:
                before = await FILES.run(_state, file)
                stored = await self._uploader.upload(self._held, request, file.path, file.media_type, url)
                after = await FILES.run(_state, file)
            except OSError as error:
                why = why_not(error)
                continue
            if before == after:
                line = OutputFile(name=file.name, size=stored.size, sha256=stored.sha256, media_type=file.media_type)
                self.manifest.append(line)
                return
            why = "it kept changing while it was stored"
        self.omissions.add(file.name, why)


def _state(file: Found) -> tuple[int, int, int]:
    """Return what tells a file from the one it was."""
    status = file.path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns
