"""Why a report attests nothing: one type for each reason."""

from assay.schema.errors import REFUSALS, Reject


class NotAttested(Reject):
    """A report that attests nothing, for one of the reasons below. Nobody is blamed: the rate of audits is the full."""

    code = "attestation.refused"
    advice = REFUSALS[code]


class BadReport(NotAttested):
    """Bytes that are no report, or no certificate."""

    code = "attestation.malformed"
    advice = REFUSALS[code]


class UntrustedChain(NotAttested):
    """Certificates that do not lead from the report's key to a vendor's root, or not now."""

    code = "attestation.untrusted"
    advice = REFUSALS[code]


class ForgedReport(NotAttested):
    """A signature that is not that of the certified key over this report, or of another chip."""

    code = "attestation.forged"
    advice = REFUSALS[code]


class OldFirmware(NotAttested):
    """Firmware older than is taken, or another than the certificate is for."""

    code = "attestation.outdated"
    advice = REFUSALS[code]


class DebugAllowed(NotAttested):
    """A machine whose memory its host may read or move."""

    code = "attestation.debug"
    advice = REFUSALS[code]


class UnknownImage(NotAttested):
    """A launch measurement that the operator does not list."""

    code = "attestation.unmeasured"
    advice = REFUSALS[code]


class UnboundReport(NotAttested):
    """A report made for another key, class of machine or challenge."""

    code = "attestation.unbound"
    advice = REFUSALS[code]
