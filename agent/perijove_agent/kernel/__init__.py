"""Kernels: found by name, started in a runtime, spoken to over IPC sockets, a few of them kept warm."""
