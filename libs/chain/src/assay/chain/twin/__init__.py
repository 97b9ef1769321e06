"""Assay's contracts again in Python, function by function, for the chain in memory; held to the real ones by tests."""
