"""The verifier's worker: a bonded participant's process that answers audits blind."""
