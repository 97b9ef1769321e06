"""The knobs of discovery."""

from typing import Annotated

from pydantic import Field

from assay.discovery.domain import Terms
from assay.runtime import Context, ServiceSettings


class Settings(ServiceSettings, env_prefix="ASSAY_DISCOVERY_"):
    """What discovery is told from outside."""

    kinds: frozenset[str] = frozenset()
    """The kinds of work that may be listed, as a JSON list; empty lists every kind. An operator names them who vouches
    for their audits only."""
    silent_s: Annotated[float, Field(ge=3, le=3_600)] = 30.0
    """How long a listed provider may be unheard before its offer is delisted. Too small delists on a short outage of
    its line; too large lets matching try providers that are gone (it skips those that it does not hear itself)."""

    @property
    def terms(self) -> Terms:
        """The settings as the domain has them."""
        return Terms(self.kinds, round(self.silent_s * 1000))


def terms_of(context: Context) -> Terms:
    """What discovery's shell was told."""
    assert isinstance(context.settings, Settings)
    return context.settings.terms
