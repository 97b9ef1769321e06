"""The head of what a program asks its proxy for, read strictly: what could be read in two ways is refused. Pure.

A connection is of one request to one host, so that nothing can ride behind it: a tunnel (CONNECT), or a message in
absolute form, which is written anew with the host that was checked and a body of a stated length.
"""

import re
from dataclasses import dataclass
from typing import Final

from assay.workloads.egress.errors import NotReached
from assay.workloads.egress.rules import HOST, PORT, PORT_MAX

LINE: Final = re.compile(r"([A-Z]{1,16}) ([!-~]{1,8192}) HTTP/1\.[01]")
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
TUNNEL: Final = re.compile(rf"(?P<host>{HOST}):(?P<port>{PORT})", re.IGNORECASE)
ABSOLUTE: Final = re.compile(rf"http://(?P<host>{HOST})(:(?P<port>{PORT}))?(?P<path>[/?][!-~]*)?", re.IGNORECASE)
LENGTH: Final = re.compile(r"[0-9]{1,15}")
HTTP: Final = 80
DROPPED: Final = frozenset(
    {"host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade"}
)
"""What is between a program and its proxy alone, and the host, which is the one that was checked."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a tunnel to host and port, or the head of a message to them with so many bytes after it."""

    host: str
    port: int
    head: bytes = b""
    body_bytes: int = 0


def read_request(head: bytes) -> Request:
    """Return what a head asks for, its last empty line included. Raises NotReached."""
    line, *rest = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    found = LINE.fullmatch(line)
    if found is None:
        raise NotReached("egress.bad_request", "It begins with no line of HTTP/1.1.")
    fields = read_fields(rest)
    method, target = found[1], found[2]
    if method == "CONNECT":
        return tunnel_to(target, fields)
    asked = ABSOLUTE.fullmatch(target)
    if asked is None:
        raise NotReached("egress.bad_request", "Ask for http://HOST/PATH, or for a tunnel: CONNECT HOST:PORT.")
    host, port = endpoint_of(asked["host"], asked["port"] or HTTP)
    named = host if port == HTTP else f"{host}:{port}"
    path = asked["path"] or "/"
    lines = [f"{method} {path if path.startswith('/') else '/' + path} HTTP/1.1", f"Host: {named}"]
    lines += [f"{name}: {value}" for name, value in fields if name.lower() not in DROPPED]
    own = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    return Request(host, port, own, body_of(fields))


def read_fields(lines: list[str]) -> list[tuple[str, str]]:
    """Return names and values. Raises NotReached."""
    found = [line.partition(":") for line in lines]
    if not all(sign and NAME.fullmatch(name) and VALUE.fullmatch(value) for name, sign, value in found):
        raise NotReached("egress.bad_request", "A line of its head is no field.")
    return [(name, value.strip(" \t")) for name, _, value in found]


def tunnel_to(target: str, fields: list[tuple[str, str]]) -> Request:
    """Return a tunnel. Raises NotReached."""
    asked = TUNNEL.fullmatch(target)
    if asked is None or body_of(fields):
        raise NotReached("egress.bad_request", "A tunnel is asked for by CONNECT HOST:PORT, without a body.")
    return Request(*endpoint_of(asked["host"], asked["port"]))


def endpoint_of(host: str, port: str | int) -> tuple[str, int]:
    """Return the host in small letters and the port. Raises NotReached."""
    number = int(port)
    if number > PORT_MAX:
        raise NotReached("egress.bad_request", f"{number} is no port.")
    return host.lower(), number


def body_of(fields: list[tuple[str, str]]) -> int:
    """Return how many bytes follow a head. Raises NotReached where that could be read in two ways."""
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    if any(name.lower() == "transfer-encoding" for name, _ in fields):
        raise NotReached("egress.bad_request", "A body is sent with its Content-Length here.")
    if len(lengths) > 1 or not all(map(LENGTH.fullmatch, lengths)):
        raise NotReached("egress.bad_request", "It has not one Content-Length.")
    return int(lengths[0]) if lengths else 0
