"""What verification remembers, and the only SQL that reads and writes it."""
