"""The worker's program: claims tickets, runs them and reports."""
