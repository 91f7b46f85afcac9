"""What work finds when it starts: its code, its inputs and its configuration."""
