"""The master's half of the wire: offers, events, control messages, log streams and the workers' rights."""
