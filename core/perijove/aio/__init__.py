"""Work beside an event loop."""
