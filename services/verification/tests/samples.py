"""Work as providers do it: noop jobs with real states and commitments, true or false where a test says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.proof.commitment import chain, leaf_of, root_of
from assay.proof.digest import blake3_hex
from assay.proof.job_seal import name_of, seal_job
from assay.proof.order import spec_digest
from assay.schema.audit import VerifierAnnounced
from assay.schema.job import JobExecuted, JobExpired, JobSpec, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import NO_DIGEST, Policy, derive_id, encode_token
from assay.verification.domain import Case, case_of
from assay.workloads import HeldInputs, ModelStore, read_params, workload

UNITS = 10
MEGA_UNIT_PRICE = 1_000_000


def party(letter: str, number: int) -> str:
    """The id of a participant; equal numbers are equal addresses."""
    return letter + encode_token(bytes([number]) * 20)


def announced(number: int, expires_ms: int = 2**50, network: str = "", **fields: Any) -> VerifierAnnounced:
    """What verifier `number` says that it can."""
    return VerifierAnnounced(
        verifier=party("v", number),
        kinds=("noop", "generate"),
        memory_bytes=2**30,
        machine="c" * 64,
        region="de",
        network=network or f"net-{number}",
        expires_ms=expires_ms,
        **fields,
    )


@dataclass
class Work:
    """One lease that did a whole noop job. `lies` replaces the state after a segment, `stored` only its blob."""

    number: int
    provider: int = 1
    segments: int = 6
    lies: Mapping[int, bytes] = field(default_factory=dict)
    stored: Mapping[int, bytes] = field(default_factory=dict)
    audit_segments: int = 2
    method: str | None = None
    machine: str | None = None
    """The class that the provider states."""
    deadline_ms: int = 1
    haste: bool = False
    key: bytes | None = None
    """Under which what is made is sealed, if it is."""
    sent: tuple[str, ...] = ()
    """Blobs that the order names as inputs."""
    blobs: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        work, params = workload(self.spec.kind), read_params(self.spec.kind, self.spec.params)
        self.states = self.run()
        self.commits: list[LeaseCommitted] = []
        previous = NO_DIGEST
        for index in range(self.segments):
            before, after = self.states[index : index + 2]
            draft = LeaseCommitted(
                **self.names,
                segment=index,
                state_in=work.digest(before),
                state_out=work.digest(after),
                checkpoint=self.keep(self.stored[index]) if index in self.stored else self.put(after),
                units=UNITS,
                previous=previous,
                commitment=NO_DIGEST,
                compute_ms=10,
                machine=self.machine,
            )
            previous = chain(previous, leaf_of(draft, spec_digest(self.spec)))
            self.commits.append(draft.model_copy(update={"commitment": previous}))
        self.result = self.put(work.result(params, self.states[-1]))

    def run(self) -> list[bytes]:
        """The start state, and the state after each segment."""
        work, params = workload("noop"), read_params("noop", self.spec.params)
        inputs = HeldInputs(ModelStore(Path()))
        states = [work.start(params, inputs)]
        for index in range(self.segments):
            honest = work.run(params, inputs, states[-1], index, lambda progress: None).state
            states.append(self.lies.get(index, honest))
        return states

    def put(self, data: bytes) -> str:
        return self.keep(seal_job(self.key, data) if self.key else data)

    def keep(self, data: bytes) -> str:
        self.blobs[blake3_hex(data)] = data
        return blake3_hex(data)

    @property
    def spec(self) -> JobSpec:
        params = {"segments": self.segments, "units_per_segment": UNITS, "payload": str(self.number)}
        policy = Policy(audit_segments=self.audit_segments, method=self.method, haste=self.haste)
        seal = name_of(self.key) if self.key else None
        cut = {"segments": self.segments, "segment_units": UNITS}
        return JobSpec(kind="noop", params=params, policy=policy, seal=seal, inputs=self.sent, **cut)

    @property
    def names(self) -> dict[str, Any]:
        return {
            "lease_id": derive_id("l", self.number),
            "job_id": derive_id("j", self.number),
            "provider": party("p", self.provider),
            "fence": 1,
        }

    @property
    def lease_id(self) -> str:
        return str(self.names["lease_id"])

    @property
    def job_id(self) -> str:
        return str(self.names["job_id"])

    @property
    def granted(self) -> LeaseGranted:
        return LeaseGranted(
            **self.names,
            requester=party("r", 100),
            offer_id="f" + "a" * 26,
            spec=self.spec,
            mega_unit_price=MEGA_UNIT_PRICE,
            deadline_ms=self.deadline_ms,
        )

    def share(self, segments: int | None = None) -> LeaseShare:
        counted = self.commits[:segments]
        names = {key: value for key, value in self.names.items() if key != "job_id"}
        return LeaseShare(
            **names,
            first_segment=0,
            segments=len(counted),
            mega_unit_price=MEGA_UNIT_PRICE,
            root=root_of(counted, spec_digest(self.spec)),
        )

    def executed(self, **changes: Any) -> JobExecuted:
        fields = {"result": self.result, "leases": (self.share(),)} | changes
        return JobExecuted(job_id=self.job_id, requester=party("r", 100), **fields)

    def expired(self, segments: int) -> JobExpired:
        return JobExpired(job_id=self.job_id, requester=party("r", 100), leases=(self.share(segments),))

    def case(self, **changes: Any) -> Case:
        fields: dict[str, Any] = {"share": self.share(), "result": self.result, "commits": self.commits} | changes
        return case_of(self.granted, fields["share"], fields["commits"], fields["result"], fields.get("doubled"))
