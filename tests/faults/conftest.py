"""Whatever broke, in the end every job has ended and everything adds up."""

from tests.resting import kept_books, resting

at_rest, books = resting(), kept_books()
