from __future__ import annotations

from tests.faults.conftest import nest

__all__ = ["nest"]
