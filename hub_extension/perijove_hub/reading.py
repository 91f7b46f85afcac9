"""Request bodies: parsed and checked on the event loop where they are small, by a process where they are not."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from perijove.aio.executors import DOCUMENTS
from perijove_hub.problems import invalid_body
from perijove_scheduler.documents import Document, read_document

#: Bytes of a body that is read on the event loop: a few milliseconds of everybody's time, at the worst.
INLINE = 32 * 1024


class Body(NamedTuple):
    """A body as its route's model, without the notebook that came with it, and that notebook."""

    model: BaseModel
    document: Document | None = None


async def read(kind: type[BaseModel], text: bytes) -> Body:
    """Return a request's body.

    Raises
    ------
    perijove.errors.InvalidRequest, perijove.errors.InvalidSpec, perijove.errors.InvalidNotebook
        It is not one; the sentence says what is wrong.
    perijove.errors.TooLarge
        Reading it takes too long, or too much memory.
    """
    return parsed(kind, text) if len(text) <= INLINE else await DOCUMENTS.run(parsed, kind, text)


def parsed(kind: type[BaseModel], text: bytes) -> Body:
    """Parse a body and check the notebook in it."""
    try:
        # Strictly: the document says what the types are, and a `true` for a number is a mistake.
        model = kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise invalid_body(error) from None
    notebook = getattr(model, "notebook", None)
    if notebook is None:
        return Body(model)
    return Body(model.model_copy(update={"notebook": None}), read_document(notebook))
