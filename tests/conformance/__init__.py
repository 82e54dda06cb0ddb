"""The conformance suite: numbered conversations over real sockets, see ``docs/conformance.md``.

Nothing here but `application` and its `service` import the implementation under test: what is sent was put together
from the text of the protocol, and what comes back is read by a reader of its own.
"""
