"""Whatever broke, in the end every job has ended and everything adds up."""

from tests.resting import resting

at_rest = resting()
