"""Periods of bootstrap rewards: made of what was paid for, posted in their order."""
