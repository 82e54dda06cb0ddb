"""``python -m rpc`` is the command ``rpc``."""

from rpc.cli import main

if __name__ == "__main__":
    main(prog_name="rpc")
