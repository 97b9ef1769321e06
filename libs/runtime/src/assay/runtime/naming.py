"""Under which name the cache keeps a blob: by its digest and the name of the key that opens it, as a job reads it.

What another job takes as it lies, or a requester has added as the bytes that its job would come to, is kept apart. So
is a checkpoint, which its provider answers for, from the same blob as an input, for which nobody does.
"""

from typing import Final

from assay.schema.job import JobSpec
from assay.schema.values import Digest

UNDER: Final = "."
"""Between a blob's digest and the name of its key."""
BEFORE: Final = f"{UNDER}before{UNDER}"
"""Between them where it was made for a job of the same seal, before this one."""


def name_of(digest: str, spec: JobSpec) -> str:
    """Under which name an input is kept: as this job reads it."""
    if digest in spec.made:
        return f"{digest}{BEFORE}{spec.seal}"
    return digest + UNDER + digest if digest in spec.sealed else digest


def made_of(digest: str, spec: JobSpec) -> str:
    """Under which name is kept what was made for a job; its requester may have added the same bytes as an input."""
    return digest + UNDER + spec.seal if spec.seal else digest


def parts_of(name: str) -> tuple[Digest, str]:
    """The digest of a blob that is kept under such a name, and the name of its key."""
    return name.partition(UNDER)[0], name.rpartition(UNDER)[2]
