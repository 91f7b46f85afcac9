"""Pages for people, signed in through the Hub."""
