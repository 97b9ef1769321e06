"""Why a report attests nothing: one type for each reason."""

from assay.schema.errors import Reject


class NotAttested(Reject):
    """A report that attests nothing, for one of the reasons below. Nobody is blamed: the rate of audits is the full."""

    code = "attestation.refused"
    advice = "Present another report, or none: audits are then drawn at the full rate."


class BadReport(NotAttested):
    """Bytes that are no report, or no certificate."""

    code = "attestation.malformed"
    advice = "Present the report and the certificates as the firmware and the vendor gave them, unchanged."


class UntrustedChain(NotAttested):
    """Certificates that do not lead from the report's key to a vendor's root, or not now."""

    code = "attestation.untrusted"
    advice = "Fetch the certificates for this chip and its firmware from the vendor's service again."


class ForgedReport(NotAttested):
    """A signature that is not that of the certified key over this report, or of another chip."""

    code = "attestation.forged"
    advice = "Present the report with the certificate of the chip that made it."


class OldFirmware(NotAttested):
    """Firmware older than is taken, or another than the certificate is for."""

    code = "attestation.outdated"
    advice = "Update the platform's firmware and make a new report."


class DebugAllowed(NotAttested):
    """A machine whose memory its host may read or move."""

    code = "attestation.debug"
    advice = "Launch the machine with a policy that allows neither debugging nor migration."


class UnknownImage(NotAttested):
    """A launch measurement that the operator does not list."""

    code = "attestation.unmeasured"
    advice = "Run an image whose measurement the operator lists."


class UnboundReport(NotAttested):
    """A report made for another key, class of machine or challenge."""

    code = "attestation.unbound"
    advice = "Have the machine make a report over its provider's key, its class and the present challenge."
