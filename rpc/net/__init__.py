"""Where bytes move: sockets, streams and the connections on them. Trio starts on this floor."""
