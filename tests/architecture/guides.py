"""The pages of the project, and the commands, code and links that they hold."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """Every page that people read, but for those of tools and third parties."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for pattern in ("libs/*/README.md", "libs/*/contracts/README.md", "services/*/README.md", "k8s/**/*.md"):
        found += ROOT.glob(pattern)
    return sorted({*found, *ROOT.glob("deploy/**/*.md"), *ROOT.glob("bench/**/*.md")})


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language; empty for those that name none."""
    return [text for name, text in FENCE.findall(page.read_text()) if name == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    return LINK.findall(prose(page))


def spans(page: Path) -> list[str]:
    """The text between backquotes, in a page's prose."""
    return CODE.findall(prose(page))


def commands(page: Path) -> Iterator[str]:
    """Every line of a page that calls `assay`, in a block or between backquotes."""
    for text in (line for block in (*blocks(page, ""), *blocks(page, "sh")) for line in logical_lines(block)):
        for part in re.split(r"\s*(?:&&|\|\||[|;])\s*", text):
            yield from called(part)
    for span in spans(page):
        yield from called(span)


def logical_lines(block: str) -> list[str]:
    """The lines of a shell block, those that go on after a backslash joined, prompts and comments left out."""
    joined = block.replace("\\\n", " ")
    return [line.removeprefix("$ ").split(" # ")[0].strip() for line in joined.splitlines()]


def called(text: str) -> Iterator[str]:
    """`text` if it is a call of `assay`, without the variables and the path before it."""
    words = text.split()
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    if len(words) > 1 and words[0].rpartition("/")[2] == "assay":
        yield " ".join(["assay", *words[1:]])
