"""The figures of the wire that its scripts and its in-memory twin share."""

from __future__ import annotations

#: How many tickets one claim looks at, so that it stays short however long the queue is.
CLAIM_SCAN = 32
#: How often a ticket may be passed over because it did not fit.
PASSES = 10
#: Seconds a claim may be unknown to its worker before a renewal hands it over as an orphan.
ORPHAN_AFTER = 5.0
#: Seconds for which an attempt that was withdrawn, or whose end was applied, may not be offered again: an offer that
#: was under way comes too late.
WITHDRAWN_FOR = 60.0
#: Seconds that the end of an attempt may wait to be applied; as long it may not be offered again.
ENDED_FOR = 600.0
#: The highest number that a record may have: what is higher was written by nobody of ours, and no column holds it.
RECORDS = 2**31 - 1
#: Seconds for which a forgotten attempt's worker is told that it was superseded.
FORGOTTEN_FOR = 600.0
#: Seconds after which an event a consumer was given and did not acknowledge goes to another.
CONSUMER_IDLE = 60.0
#: About how many control messages a worker's stream keeps.
CONTROL_LENGTH = 1000
#: Seconds after its last message that a control stream is kept; a worker that is gone leaves nothing behind.
CONTROL_FOR = 86_400
#: The most bytes of one record's line. What would be longer lies in an object of its own, or was cut where it was made.
RECORD_LIMIT = 1024 * 1024
#: The largest entry of an attempt's stream, in bytes; a single longer line is an entry of its own.
ENTRY_LIMIT = 512 * 1024
#: The largest event that the master reads, in bytes: a manifest of a hundred thousand outputs fits.
EVENT_LIMIT = 32 * 1024 * 1024
