"""What our encodings and signatures are held to: web3 and eth_account.

Without their key files, which no test writes: those take in pairings of curves, and with them a limit of recursion at
which a deep text of JSON ends the process.
"""

from assay.schema.lazily import later

with later("eth_keyfile", "eth_keyfile.keyfile"):
    from eth_account import Account
    from eth_account.messages import _hash_eip191_message, encode_typed_data
    from web3 import Web3

__all__ = ["Account", "Web3", "_hash_eip191_message", "encode_typed_data"]
