"""What Perijove costs, measured on its production parts beside its peers: ``make bench``; ``docs/performance.md``."""
