"""A Perijove of one's own: JupyterHub with the service, on this machine, in one data directory.

`make up` and `make demo` are its two programs; the integration tests and the benchmarks start their Hubs with it too.
"""
