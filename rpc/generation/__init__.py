"""Python modules for the clients of a server, written from its description; pure, from values to text."""
