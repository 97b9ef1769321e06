"""Federated learning: data stays with its provider, whose jobs give away no more than masked, bounded updates."""
