"""Zero-knowledge proofs of small models: a result is checked without running anything, here or by a contract.

ezkl turns an ONNX model into a Halo2 circuit with KZG commitments. Proving costs about a hundred thousand inferences,
so this is for models of some ten thousand multiplications whose answer moves money, or whose weights are private.
Nothing here goes to the network; the structured reference string is the operator's, and must not be made by a party to
the proof (docs/adr/0013-zero-knowledge.md).
"""

from assay.workloads.zk.circuit import Circuit, Shape, compile_model, make_keys, make_srs
from assay.workloads.zk.proof import BadProof, EvmCall, Proof, check, evm_call, prove

__all__ = [
    "BadProof",
    "Circuit",
    "EvmCall",
    "Proof",
    "Shape",
    "check",
    "compile_model",
    "evm_call",
    "make_keys",
    "make_srs",
    "prove",
]
