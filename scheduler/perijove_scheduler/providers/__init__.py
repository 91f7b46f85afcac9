"""What starts and ends worker machines."""
