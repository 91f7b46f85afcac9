"""The event that ends an attempt, made such that it can always be written, sent and read."""

from __future__ import annotations

from perijove.model.events import EVENT, Finished
from perijove.model.reasons import Reason
from perijove.safe_json import bounded_text
from perijove.wire.limits import EVENT_LIMIT

#: Bytes an attempt's end may have: some 100,000 outputs. What Redis takes at once is many times that.
LARGEST = EVENT_LIMIT
#: Characters of a sentence about a failure.
LONGEST_DETAIL = 2_000


def sendable(event: Finished) -> Finished:
    """Return `event`, or a small one that says why `event` itself can't be sent.

    Work that has ended must not run again because its end holds what a serialiser refuses: an attempt has one end.
    """
    try:
        document = event.model_dump_json().encode()
        EVENT.validate_json(document)
    except (ValueError, TypeError, RecursionError) as error:
        return failed(event.worker, event.execution, event.attempt, f"Its end can't be sent: {error}", event.records)
    if len(document) > LARGEST:
        detail = f"Its end, with {len(event.outputs)} outputs, has {len(document)} bytes; {LARGEST} can be sent."
        return failed(event.worker, event.execution, event.attempt, detail, event.records)
    return event


def failed(worker: str, execution: str, attempt: int, detail: str, records: int = 0) -> Finished:
    """Return the end of an attempt that its agent could not bring to any other."""
    return Finished(
        worker=worker,
        execution=execution,
        attempt=attempt,
        reason=Reason.AGENT_FAILED,
        detail=bounded_text(detail, LONGEST_DETAIL),
        records=records,
    )
