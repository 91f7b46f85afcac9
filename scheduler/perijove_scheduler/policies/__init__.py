"""What to do next, decided by pure functions: they read no clock, do no I/O and are tested by tables."""
