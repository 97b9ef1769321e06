"""Settlement: holds a job's price, charges what was verified, gives back the rest, and keeps the books."""
