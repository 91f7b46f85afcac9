"""What the master does by itself. Each loop is a `base.Loop`: rung by a bell, repeated every so often to be safe.

=============  =========================================================  =============================================
loop           does                                                       is rung by
=============  =========================================================  =============================================
`dispatcher`   created → queued, fairly, as far as there is room;         a submit, an end, a change of a group
               what can't run now or ever is taken out of the way
`applier`      what agents tell → rows, one transaction a batch           the event streams themselves
`reaper`       takes work from workers that are lost                      the clock: every sixth of a lease
`sweeper`      says again to Redis what the database knows                Redis' return, a new generation of it
`archiver`     archives the records that their worker did not             the loss of a worker
`curator`      removes what has been kept for long enough                 the clock: once a night
`scaler`       starts machines for waiting work, drains idle ones         an admission, an end, a worker's coming
=============  =========================================================  =============================================

What they rely on:

* The database changes first, then Redis is told. A crash in between leaves work for the sweeper, never a wrong row.
* No database session is open while Redis, files or a provider are spoken to.
* Every turn may be repeated, and interrupted anywhere. A restart is not a case of its own: the first turn of each loop
  looks at everything.
* What a loop remembers (how long a worker has been watched, or idle) makes it wait longer after a restart, never
  shorter.
"""
