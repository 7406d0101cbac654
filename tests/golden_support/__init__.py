"""Recorded numbers of the two releases against this implementation; see `tests/golden/README.md`."""
