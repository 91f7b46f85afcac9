"""One module per resource: each function parses nothing, calls one service function, and returns what it answers."""
