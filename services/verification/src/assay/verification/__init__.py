"""Verification: draws segments of every stopped lease, runs them again blind, and says what it found."""
