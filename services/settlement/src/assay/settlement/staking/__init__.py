"""Stake as the market is told of it: own and lent, what it is claimed to stand for, and what that asks for."""
