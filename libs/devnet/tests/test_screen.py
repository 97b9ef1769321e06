"""What the demo shows where nobody looks at a terminal."""

import io

from rich.console import Console

from assay.devnet.demo.screen import Screen


def test_what_is_written_after_the_bars_begins_a_line_in_a_file_too() -> None:
    console = Console(file=(file := io.StringIO()), width=80)
    screen = Screen(console, quiet=False)
    with screen.shown():
        screen.expect("j", "job 1", 6)
    console.print("job 1: settled")
    *_, bars, after = file.getvalue().splitlines()
    assert "0/6" in bars and after == "job 1: settled"
