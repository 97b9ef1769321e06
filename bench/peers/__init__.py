"""What the project is measured against: each peer is a program of its own."""
