"""The version of this package."""

__all__ = ["AGENT", "VERSION"]

VERSION = "0.1.0"

AGENT = f"triorpc/{VERSION}"
"""How this package names itself to a peer, for its log."""
