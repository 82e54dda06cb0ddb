"""The connecting role: connections to a server, calls, stubs, and datagrams that nobody answers."""
