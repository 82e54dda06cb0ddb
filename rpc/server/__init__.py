"""Floor 5: serving. `serve` listens, accepts and drains; `run` is a whole program around it."""
