"""A guard of the speed that does not trust the clock: it counts what a call does, and fails where that has risen."""
