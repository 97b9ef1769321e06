"""The knobs of discovery."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from assay.discovery.domain import Terms
from assay.proof.presented import Trusted
from assay.runtime import Context, ServiceSettings
from assay.schema.values import NO_DIGEST, Digest

NONE: Final[dict[str, Any]] = {}


class Settings(ServiceSettings, env_prefix="ASSAY_DISCOVERY_"):
    """What discovery is told from outside."""

    kinds: frozenset[str] = frozenset()
    """The kinds of work that may be listed, as a JSON list; empty lists every kind. An operator names them who vouches
    for their audits only."""
    silent_s: Annotated[float, Field(ge=3, le=3_600)] = 30.0
    """How long a listed provider may be unheard before its offer is delisted. Too small delists on a short outage of
    its line; too large lets matching try providers that are gone (it skips those that it does not hear itself)."""
    attested_roots: dict[Digest, Literal["Milan", "Genoa", "Turin", "TDX"]] = NONE
    """The vendors' roots that reports of machines may lead to, as a JSON object: the SHA-256 of a root's public key,
    and what it stands for. Empty: no report lowers any rate of audits. Untried on such hardware."""
    attested_images: frozenset[Annotated[str, Field(pattern="^[0-9a-f]{96}$")]] = frozenset()
    """The launch measurements that are taken, in hex, as a JSON list."""
    attested_firmware: dict[str, Annotated[int, Field(ge=0, le=255)]] = NONE
    """The least version of each part of the firmware, as a JSON object: bootloader, tee, snp, microcode, fmc; tdx_0 to
    tdx_15. Follow the vendors' advisories: nothing else says that a version is broken."""
    attested_challenge: Digest = NO_DIGEST
    """What reports must be bound to besides provider and class. Change it to take no report from before; tell the
    providers."""

    @property
    def terms(self) -> Terms:
        """The settings as the domain has them."""
        trusted = Trusted(self.attested_roots, self.attested_images, self.attested_firmware, self.attested_challenge)
        return Terms(self.kinds, round(self.silent_s * 1000), trusted)


def terms_of(context: Context) -> Terms:
    """What discovery's shell was told."""
    assert isinstance(context.settings, Settings)
    return context.settings.terms
