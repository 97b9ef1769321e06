"""`assay audit draw`: what was said in public and a node of the chain, held against what was drawn."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from libs.proof.tests.conftest import DOMAIN
from libs.proof.tests.test_redraw import HASH, changed, told
from typer.testing import CliRunner

from assay.client.cli import app
from assay.client.commands import draws
from assay.proof.digest import blake3_hex
from assay.proof.pool import write_entries
from assay.schema.epoch import EpochPooled


@dataclass
class Seen:
    """A network and a chain, as one who looks at them sees them."""

    said: dict[str, Any]
    blobs: dict[str, bytes] = field(default_factory=dict)
    root: str = ""
    domain = DOMAIN

    @property
    def door(self) -> Any:
        return SimpleNamespace(blobs=self)

    async def get(self, digest: str) -> bytes:
        return self.blobs[digest]

    async def events(self, follow: bool) -> AsyncIterator[Any]:
        parts = (*self.said["jobs"], *self.said["commits"], *map(self.said.get, ("closed", "anchored", "drawn")))
        for event in parts:
            yield SimpleNamespace(event=event)

    async def block(self, number: int) -> Any:
        return SimpleNamespace(hash=HASH)

    async def root_of(self, provider: str, number: int) -> bytes:
        assert provider.startswith("0x")
        return bytes.fromhex(self.root or self.said["closed"].root)


def ran(seen: Seen, monkeypatch: pytest.MonkeyPatch, epoch_id: str = "") -> tuple[int, dict[str, Any]]:
    @asynccontextmanager
    async def reached(*_: object) -> AsyncIterator[Seen]:
        yield seen

    monkeypatch.setattr(draws, "Assay", SimpleNamespace(connect=reached))
    monkeypatch.setattr(draws, "reached", reached)
    monkeypatch.setattr(draws, "Profile", SimpleNamespace(find=str))
    ended = CliRunner().invoke(app, ["--json", "audit", "draw", epoch_id or seen.said["closed"].epoch_id])
    return ended.exit_code, json.loads(ended.stdout or ended.stderr)


def broken(said: dict[str, Any]) -> list[str]:
    return [check["name"] for check in said["checks"] if not check["passed"]]


def test_an_honest_draw_holds_by_events_and_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = ran(Seen(told()), monkeypatch)
    assert (code, said["holds"], broken(said)) == (0, True, []) and said["drawn"]
    assert [check["name"] for check in said["checks"]] == ["chain", "root", "shares", "beacon", "seed", "draw"]


def test_the_leases_of_a_great_epoch_come_from_its_blob_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told()
    blob = write_entries(said["closed"].entries)
    names = said["closed"].model_dump(exclude={"entries"})
    said["closed"] = EpochPooled(**names, size=2, entries=blake3_hex(blob))
    assert ran(Seen(said, {blake3_hex(blob): blob}), monkeypatch)[0] == 0
    code, found = ran(Seen(said, {blake3_hex(blob): b"[]"}), monkeypatch)
    assert (code, broken(found)) == (1, ["entries"])


def test_a_root_that_the_chain_has_not_and_a_false_seed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told()
    changed("drawn", seed="5e" * 32)(said)
    code, found = ran(Seen(said, root="5e" * 32), monkeypatch)
    assert (code, broken(found)) == (1, ["chain", "seed", "draw"])


def test_an_epoch_that_nobody_drew_from_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = ran(Seen(told()), monkeypatch, "no-epoch")
    assert (code, said["error"]) == (1, "epoch.undrawn")
