"""The master's inside: store, queue, files, services, policies, loops and providers."""
