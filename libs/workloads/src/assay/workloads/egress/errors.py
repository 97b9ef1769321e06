"""Why something is not reached: each reason with a stable code, by which it is logged and told to the program."""

from typing import Final

STATUS: Final = {
    "egress.bad_request": 400,
    "egress.unlisted": 403,
    "egress.address": 403,
    "egress.slow": 408,
    "egress.too_large": 431,
    "egress.bytes": 429,
    "egress.connections": 429,
    "egress.unresolved": 502,
    "egress.unreachable": 502,
}


class NotReached(Exception):
    """A program is refused what it asked its proxy for; `code` is one of STATUS."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")

    def answer(self) -> bytes:
        """Return what the program is told."""
        told = f"{self}\n".encode("ascii", "replace")
        head = f"HTTP/1.1 {STATUS[self.code]} Refused\r\nContent-Type: text/plain\r\nContent-Length: {len(told)}\r\n"
        return head.encode() + b"Connection: close\r\n\r\n" + told
