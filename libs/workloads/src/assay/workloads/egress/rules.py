"""Which names and addresses may be reached: a job's list, and what no list opens. Pure.

A name is what a job lists; an address is what the provider's own resolver makes of it. Whoever controls a name controls
its address, so every address is looked at: only what is anybody's on the internet is reached, and never the networks
that a provider's machine stands in.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Final

from pydantic import StringConstraints

LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST: Final = rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])"
"""A whole name, whose last part begins with a letter: no address in any of its spellings is one."""
PORT: Final = r"[1-9][0-9]{0,4}"
Endpoint = Annotated[str, StringConstraints(pattern=rf"^(\*\.)?{HOST}(:{PORT})?$", max_length=255)]
"""`HOST`, `HOST:PORT` or `*.HOST:PORT`, in small letters; a star stands for one part of a name or more."""
ENDPOINTS_MAX: Final = 32
HTTPS: Final = 443
PORT_MAX: Final = 65_535
MAIL: Final = frozenset({25, 465, 587})
"""Ports that no list opens: by them a stranger's mail would bear a provider's address."""
GLOBAL: Final = IPv6Network("2000::/3")
SPECIAL: Final = tuple(
    map(ip_network, ("168.63.129.16", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20"))
)
"""What looks like anybody's and is not: a cloud's services to its machines, protocols' own, ways to other addresses."""
LISTENING: Final = 3128
"""The port within a box at which the proxy answers."""


def split(endpoint: str) -> tuple[str, int]:
    """Return name and port of an endpoint."""
    host, _, port = endpoint.partition(":")
    return host, int(port or HTTPS)


def can_be_listed(endpoint: str) -> bool:
    """Whether the port of an endpoint is one that a job may reach."""
    _, port = split(endpoint)
    return port <= PORT_MAX and port not in MAIL


def is_listed(listed: Sequence[str], host: str, port: int) -> bool:
    """Whether a list has a name, as it is or by a star, with this very port."""
    return any(port == own and covers(name, host) for name, own in map(split, listed))


def covers(name: str, host: str) -> bool:
    """Whether a listed name stands for a host."""
    return host.endswith(name[1:]) and len(host) > len(name[1:]) if name.startswith("*.") else host == name


def is_public(text: str) -> bool:
    """Whether an address is anybody's on the internet, and none that leads to another one within it."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address not in GLOBAL:
        return False
    return address.is_global and not address.is_multicast and not any(address in each for each in SPECIAL)


def variables() -> dict[str, str]:
    """Return what tells a program of its proxy; some programs read the one spelling, some the other."""
    proxy = f"http://127.0.0.1:{LISTENING}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {spelt: proxy for name in names for spelt in (name, name.lower())}
