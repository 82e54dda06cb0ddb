"""Bytes to frames and values, and back: pure functions without input or output (``docs/protocol.md``)."""
