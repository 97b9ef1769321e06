"""Relaying: what requesters sign is sent for them, by the operator and at its cost."""
