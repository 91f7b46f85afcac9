"""The loop that applies what agents send, in four steps.

* `intake` verifies each event and reads it.
* `batches` applies a group's events together, or in parts where that fails; it sets aside what cannot be applied.
* `writer` writes events into the database, and sends Redis and the other loops what follows from them.
* `signatures` answers requests for signed URLs.
"""
