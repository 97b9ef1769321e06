"""The part of a receipt about the keys of a job."""

from assay.proof.provenance import Part
from assay.schema.key import KeyReader
from assay.schema.values import Digest, Millis


class KeyPart(Part):
    """A reader that was given a key of the job by the time of the receipt, and when first."""

    digest: Digest
    reader: KeyReader
    released_ms: Millis
