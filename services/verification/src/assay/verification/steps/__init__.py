"""The steps of a lease after its job has stopped, one task each: README.md has them in their order."""
