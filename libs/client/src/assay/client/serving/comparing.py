"""Whether a provider commits to what it said: the lines of its checkpoints, beside the words of its talk.

An audit proves what was committed. What reached the user is that very text only if both are the same, which nobody can
see but who was told.
"""

from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict

from assay.proof.served import lines_of
from assay.schema.errors import Reject
from assay.schema.served import Finish, Piece

BREAKS_MAX: Final = 16
"""So many answers of a lease may be given up as their provider dies, and be others when it is back."""
WHAT: Final = "The provider commits to another answer to request {} than it gave."


class FalseAnswer(Reject):
    """A provider says one thing and commits to another, or to what nobody can read."""

    code = "answer.false"
    advice = "It is paid no more, and another provider is asked. What it said last may be wrong."


class Line(BaseModel):
    """What a segment says of one request; `tokens` are those of the whole answer, as is `completion`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    completion: str
    tokens: int
    finish: str


@dataclass(eq=False, slots=True)
class Heard:
    """What a provider says of the answer to request `number`, after the texts of `before` tokens that came already."""

    number: int
    before: int
    texts: list[str]
    tokens: int = 0
    finish: Finish = ""
    is_whole: bool = True
    is_loose: bool = False

    def hear(self, piece: Piece) -> None:
        """Take one more token, which was asked for and is new; of the text counts what comes before the first gap."""
        self.is_whole &= piece.position == self.before + self.tokens
        self.tokens += 1
        if self.is_whole:
            self.texts.append(piece.text)
            self.finish = piece.finish

    def is_in(self, line: Line) -> bool:
        """Whether this is what was committed to, as far as it came."""
        said, made, tokens = legible("".join(self.texts)), legible(line.completion), self.before + self.tokens
        if self.is_whole and self.finish:
            return (made, line.tokens, line.finish) == (said, tokens, self.finish)
        return made.startswith(said) and line.tokens >= tokens


@dataclass(eq=False)
class Words:
    """What a lease has said and is not found yet in what it committed to; `closed` segments were looked through."""

    heard: dict[str, Heard] = field(default_factory=dict)
    closed: int = 0
    breaks: int = 0

    def compare(self, checkpoint: bytes) -> list[str]:
        """The ids of the requests whose answers are committed to, and were said so. Raises FalseAnswer."""
        segments = read_lines(checkpoint, self.closed)
        self.closed += len(segments)
        lines = {line.number: line for segment in segments for line in segment}
        found = {request_id: said for request_id, said in self.heard.items() if said.number in lines}
        for request_id, said in found.items():
            del self.heard[request_id]
            # Of several that had the same number all but one were turned away.
            if said.tokens and not said.is_in(lines[said.number]):
                self.breaks += 1
                if not said.is_loose or self.breaks > BREAKS_MAX:
                    raise FalseAnswer(WHAT.format(said.number))
        return list(found)

    def loosen(self) -> None:
        """Bear that what was said so far is not committed to, for a while: who dies may have to begin anew."""
        for said in self.heard.values():
            said.is_loose = True


def legible(text: str) -> str:
    """A text without what stands for bytes that are no letter: how many do depends on how they were told, by and by."""
    return text.replace("\ufffd", "")


def read_lines(checkpoint: bytes, first: int) -> list[list[Line]]:
    """The lines of each segment of a checkpoint from `first` on. Raises FalseAnswer if they cannot be read."""
    try:
        return [list(map(Line.model_validate_json, lines.splitlines())) for lines in lines_of(checkpoint)[first:]]
    # A ValidationError is one, too.
    except ValueError as error:
        raise FalseAnswer("The provider commits to what is no answer.") from error
