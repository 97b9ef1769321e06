"""The text of an answer as it grows: what each token adds, held back while a letter is not whole."""

from assay.workloads.generate.engine import Wording

BROKEN = "\ufffd"


class Telling:
    """The text that the tokens of one answer have come to."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._tokens: list[int] = []
        self._told = 0
        """How many tokens the text told so far is of."""
        self._shown = 0
        """From where on tokens are decoded: those before cannot change what a later one adds."""

    def add(self, token: int, is_last: bool = False) -> str:
        """Return what one more token adds to the text; the last one tells what was held back."""
        self._tokens.append(token)
        before = self._wording.text(self._tokens[self._shown : self._told])
        now = self._wording.text(self._tokens[self._shown :])
        if now.endswith(BROKEN) and not is_last:
            return ""
        self._shown, self._told = self._told, len(self._tokens)
        return now[len(before) :]
