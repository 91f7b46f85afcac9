"""The SQL store, which is the truth: what Redis forgets, this remembers."""
