"""The two kinds of work: commands, and notebooks driven through a kernel."""
