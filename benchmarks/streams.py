"""``python -m benchmarks.streams``: only the streams of ``benchmarks.compare``, with its options for a short run."""

from __future__ import annotations

import sys

from benchmarks import peers
from benchmarks.compare import main

if __name__ == "__main__":
    peers.enter("benchmarks.streams")
    main([*sys.argv[1:], "--quick", "--workload", "stream"])
