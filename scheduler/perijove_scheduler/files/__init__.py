"""Object files: code snapshots, notebooks, archived records and outputs."""
