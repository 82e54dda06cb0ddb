"""Floor 2: the rules of one connection, without any I/O.

`Session` takes bytes and gives events, takes commands and gives bytes. It imports no clock, socket or loop, so
the trio connection, the fuzzer and the tests run the same machine.
"""
