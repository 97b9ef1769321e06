"""Data that the client seals: what is uploaded says nothing, and nothing of it stays on the disk."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.played import DOMAIN, PlayedBlobs
from typer.testing import CliRunner

from assay.bus.keys import JobBlobs
from assay.client.cli import app
from assay.client.commands.data import in_words, named
from assay.client.ordered import spec_of
from assay.client.sdk import Assay
from assay.proof.keys import Key
from assay.proof.wrapped import unwrap, wrap
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import Policy, Requirements

TEXT = b"what nobody is to know" * 100


class HoldingDoor:
    """A gateway that holds keys, and gives them to anybody."""

    def __init__(self) -> None:
        self.blobs, self.key = PlayedBlobs(), Key.generate()
        self.held: dict[str, dict[str, Any]] = {}

    async def ask(self, question: str, body: Any) -> dict[str, Any]:
        if question == "holder":
            return {"public": self.key.public}
        if question == "hold":
            self.held[body["digest"]] = body
            return {}
        digest = body["digest"]
        secret = unwrap(self.held[digest]["wrapped"], self.key, digest)
        return {"wrapped": wrap(secret, body["public"], digest, Key.generate())}


async def test_what_is_added_sealed_can_be_read_with_its_key_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = tmp_path / "text"
    source.write_bytes(TEXT)
    door: Any = HoldingDoor()
    assay = Assay(door, type("", (), {"domain": DOMAIN})(), Key.generate())
    digests = [await assay.add_sealed(source, ("de",)) for _ in range(2)]
    assert len(set(digests)) == 2 and [door.held[digest]["regions"] for digest in digests] == [["de"]] * 2
    assert all(TEXT[:16] not in blob for blob in door.blobs.held.values())
    assert list((tmp_path / "temporary").iterdir()) == []
    spec = JobSpec(kind="noop", inputs=digests, sealed=digests, segments=1, segment_units=1)
    assert set((await JobBlobs(door.blobs, door.ask, Key.generate()).all_of(spec)).values()) == {TEXT}


async def test_a_jobs_key_is_held_for_its_regions_before_its_order_and_opens_what_was_made(tmp_path: Path) -> None:
    door: Any = HoldingDoor()
    assay = Assay(door, type("", (), {"domain": DOMAIN})(), Key.generate())
    spec = JobSpec(kind="noop", segments=1, segment_units=1, requirements=Requirements(regions=("de",)))
    seals = [await assay.new_seal(spec.requirements.regions) for _ in range(2)]
    first, second = [spec.model_copy(update={"seal": seal}) for seal in seals]
    assert first.seal and first.seal != second.seal and door.held[first.seal]["regions"] == ["de"]
    jobs = JobBlobs(door.blobs, door.ask, Key.generate())
    digests = [await jobs.put(each, TEXT) for each in (first, first, second, spec)]
    (tmp_path / "made").write_bytes(TEXT)
    named_so = [await jobs.name(each, tmp_path / "made") for each in (first, spec)]
    assert len(set(digests)) == 3 and named_so == digests[1:4:2]
    assert [TEXT[:16] in door.blobs.held[digest] for digest in digests] == [False, False, False, True]
    assert await assay.read(digests[0], first.seal) == TEXT == await assay.read(digests[3])
    both = first.model_copy(update={"inputs": (digests[0],)})
    assert await jobs.read(both, digests[0]) == TEXT != await jobs.read_input(both, digests[0])
    later = first.model_copy(update={"inputs": tuple(digests), "made": (digests[0], digests[2])})
    # What another seal made says nothing, whoever reads it; a verifier is not kept from its work by it.
    said = {digests[0]: TEXT, digests[2]: b"", digests[3]: TEXT}
    assert await jobs.all_of(later) == said
    for digest, content in said.items():
        await jobs.save_input(later, digest, tmp_path / "laid")
        assert (tmp_path / "laid").read_bytes() == content
    await jobs.save(both, digests[0], tmp_path / "laid")
    assert (tmp_path / "laid").read_bytes() == TEXT
    assert {path.name for path in tmp_path.iterdir()} == {"made", "laid"}
    for at, seal in ((0, first.seal), (3, None)):
        assert (await assay.save(digests[at], tmp_path / "laid", seal)).read_bytes() == TEXT
    for take in (assay.read(digests[0], second.seal), assay.save(digests[0], tmp_path / "none", second.seal)):
        with pytest.raises(Refused, match=r"blob\.unopened"):
            await take
    assert not (tmp_path / "none").exists()
    assert await named(assay, first.seal) == first.seal


@pytest.mark.parametrize(("asked", "placed"), [((), ("de", "fr")), (("fr",), ("fr",))])
def test_a_job_on_sealed_data_stays_in_its_regions_and_says_what_is_sealed(
    asked: tuple[str, ...], placed: tuple[str, ...]
) -> None:
    plan = {"segments": 1, "segment_units": 1, "inputs": ["d" * 64], "requirements": {"input_bytes": 7}}
    plan |= {"sealed": ["d" * 64], "regions": ["de", "fr"]}
    spec = spec_of("noop", {}, plan, Requirements(regions=asked), Policy())
    assert (spec.sealed, spec.requirements.regions) == (("d" * 64,), placed)
    assert spec.requirements.input_bytes == 7


@pytest.mark.parametrize("options", [["--region", "de"], ["--sealed", "--digest", "d" * 64]])
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    found = CliRunner().invoke(app, ["data", "add", "text", *options])
    assert found.exit_code == 2 and "--sealed" in found.output


def test_what_became_of_a_key_is_said_in_words() -> None:
    assert in_words({"destroyed": True, "jobs": []}) == "The key is destroyed."
    waiting = in_words(json.loads('{"destroyed": false, "jobs": ["j1", "j2"]}'))
    assert waiting.endswith("once nothing needs it any more: j1, j2.")
