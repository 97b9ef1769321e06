"""The knobs of matching."""

from typing import Annotated

from pydantic import Field

from assay.matching.liveness import Patience
from assay.runtime import Context, ServiceSettings


class Settings(ServiceSettings, env_prefix="ASSAY_MATCHING_"):
    """What matching is told from outside."""

    lapse_s: Annotated[float, Field(ge=0.5, le=3_600)] = 10.0
    """How long a lease may be silent, while the gateway's pulse proves its path, before it lapses. Too small takes work
    from providers with a poor line; too large keeps requesters waiting for those that died."""
    grace_s: Annotated[float, Field(ge=0.05, le=60)] = 0.5
    """How long a lease is borne whose provider's connection was closed, while another offer fits its job: a killed
    worker's is closed at once, one that only blinked is back after four times the way there and back. From `lapse_s` on
    it changes nothing."""
    begin_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """How long a provider that is heard may take to begin, which includes the download of a job's inputs."""

    @property
    def patience(self) -> Patience:
        """The settings as the domain has them."""
        return Patience(round(self.lapse_s * 1000), round(self.begin_s * 1000), round(self.grace_s * 1000))


def patience_of(context: Context) -> Patience:
    """What matching's shell was told."""
    assert isinstance(context.settings, Settings)
    return context.settings.patience
