"""A whole platform of real processes, faults that strike it, and a check of what it promised: `python -m storm`."""
