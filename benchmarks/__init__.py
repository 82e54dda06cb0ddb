"""Measurements of calls between processes; ``docs/performance.md`` says how to read them."""
