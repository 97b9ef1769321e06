"""Payment by epochs: holds and charges in the ledger, the steps that they make, the epochs of these."""
