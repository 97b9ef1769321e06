"""What is generated is fresh."""

from tools.docs import stale


def test_every_generated_file_says_what_the_code_says() -> None:
    assert stale() == [], "run `make docs`"
