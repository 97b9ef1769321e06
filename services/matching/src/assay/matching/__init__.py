"""Matching: which offer gets which part of which job, for how long, and what becomes of the job."""
