"""The chain through a receipt: its bytes cut into named parts, each bound to the one before, so damage has a place.

The parts cover the whole statement up to the chain without a gap. A link is BLAKE3 of the link before, the part's name
and its bytes; the links have a digest of their own. So a changed byte is found in the one part that it lies in, even
where the text can no longer be read as JSON or as base64.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final

from blake3 import blake3
from pydantic import ValidationError
from pydantic_core import to_json

from assay.proof.digest import blake3_hex, prefixed
from assay.proof.provenance import Part
from assay.schema.values import NO_DIGEST, Digest

LINK: Final = b"assay.receipt.link.1"
MARKER: Final = b',"chain":{"links":['
HALVES: Final = (b'"chain"', b'"links"')
END: Final = b"}}"
ENVELOPE: Final = (
    '{"payload":"',
    '","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"',
    '","sig":"',
    '"}]}',
)
KEY_CHARS: Final = 42
SIGNATURE_CHARS: Final = 88
BOUNDS: Final = tuple(accumulate((len(ENVELOPE[1]), KEY_CHARS, len(ENVELOPE[2]), SIGNATURE_CHARS, len(ENVELOPE[3]))))
KEY: Final = re.compile(r"0x[0-9a-f]{40}")
ALPHABET: Final = re.compile(r"[^A-Za-z0-9+/]")


class LinkPart(Part):
    """One part: its name, how many bytes it has, and the link up to it."""

    name: str
    size_bytes: int
    link: Digest


class ChainPart(Part):
    """The links over all parts in order, and the digest of these links."""

    links: tuple[LinkPart, ...]
    digest: Digest


def chain_over(parts: Sequence[tuple[str, bytes]]) -> ChainPart:
    """The chain over named parts."""
    links, last = [], NO_DIGEST
    for name, content in parts:
        last = link(last, name, content)
        links.append({"name": name, "size_bytes": len(content), "link": last})
    return ChainPart.model_validate({"links": links, "digest": digest_of(links)})


def link(before: Digest, name: str, content: bytes) -> Digest:
    """The link after `before`, over a part's name and bytes."""
    return blake3(LINK + bytes.fromhex(before) + prefixed(name.encode()) + content).hexdigest()


def digest_of(links: Sequence[Mapping[str, object]]) -> Digest:
    """The digest of the links themselves, by their fields."""
    return blake3_hex(b"".join(map(to_json, links)))


def cut(whole: bytes, anchors: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Named parts of `whole`: each ends where its anchor does, and begins where the one before ended."""
    begin = 0
    for name, anchor in anchors:
        end = whole.index(anchor, begin) + len(anchor)
        yield name, whole[begin:end]
        begin = end


def read_chain(payload: bytes) -> tuple[ChainPart | None, int]:
    """The chain at the end of a payload and where it begins; None if it is not whole. -1: there is none at all."""
    begin = payload.rfind(MARKER)
    if begin < 0:
        return None, len(payload) if any(half in payload for half in HALVES) else -1
    try:
        found = ChainPart.model_validate_json(payload[begin + len(b',"chain":') : -len(END)])
    except ValidationError:
        return None, begin
    return (
        found
        if found.digest == digest_of([each.model_dump() for each in found.links]) and payload.endswith(END)
        else None
    ), begin


def locate(payload: bytes, offsets: Sequence[int] = ()) -> list[str]:
    """The parts of a payload that were changed, or in which an offset lies; nothing if there is no chain."""
    chain, begin = read_chain(payload)
    if chain is None:
        return [] if begin < 0 else ["chain"]
    damaged, at, last = [], 0, NO_DIGEST
    for each in chain.links:
        end = at + each.size_bytes
        if link(last, each.name, payload[at:end]) != each.link or any(at <= offset < end for offset in offsets):
            damaged.append(each.name)
        at, last = end, each.link
    is_beyond = at != begin or any(offset >= at for offset in offsets)
    return [*damaged, "chain"] if is_beyond else damaged


def locate_sealed(text: str) -> list[str]:
    """The parts of a sealed receipt that were changed, as far as its chain tells.

    `signature` is the key and what it signed with, where they cannot be read; `envelope` is what is around.
    """
    head, kind = ENVELOPE[:2]
    body, after = text[len(head) : -BOUNDS[-1]], text[-BOUNDS[-1] :]
    places = locate(*tolerant(body))
    if not places and read_chain(tolerant(body)[0])[1] < 0:
        return []
    key, between, signature, end = (after[begin:stop] for begin, stop in pairwise(BOUNDS))
    frame = text[: len(head)] + after[: len(kind)] + between + end
    if frame != "".join(ENVELOPE):
        places.append("envelope")
    if KEY.fullmatch(key) is None or tolerant(signature)[1]:
        places.append("signature")
    return places


def tolerant(body: str) -> tuple[bytes, list[int]]:
    """The bytes of base64 whatever it holds, and the offsets of those that no base64 in its one form would give."""
    pads = len(body) - len(body.rstrip("="))
    core = body[: len(body) - pads]
    odd = [match.start() for match in ALPHABET.finditer(core)]
    clean = ALPHABET.sub("A", core)
    raw = base64.b64decode(clean + "A" * (-len(clean) % 4))[: len(clean) * 3 // 4]
    again = base64.b64encode(raw).decode()
    if again.rstrip("=") != clean or len(again) != len(body):
        odd.append(len(clean) - 1)
    return raw, [max(0, at) * 3 // 4 for at in odd]
