"""Settlement: locks a job's price in escrow, pays what was verified, refunds the rest, and keeps the books."""
