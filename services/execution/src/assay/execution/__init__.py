"""Execution: the worker on a provider's machine, which runs leases segment by segment and commits to each."""
