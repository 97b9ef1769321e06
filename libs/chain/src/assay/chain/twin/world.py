"""Which contract answers which call in the twin, and how a transaction runs: whole, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from assay.chain.errors import Reverted
from assay.chain.events import ChainEvent
from assay.chain.governed.terms import GovernedTerms
from assay.chain.payment.values import Terms
from assay.chain.transaction import Transaction
from assay.chain.twin.anchors import ANCHORS
from assay.chain.twin.call import Call, Function, Storage
from assay.chain.twin.challenges import CHALLENGES
from assay.chain.twin.judge import JUDGE
from assay.chain.twin.payment import PAYMENT
from assay.chain.twin.pool import POOL
from assay.chain.twin.purses import PURSES
from assay.chain.twin.restaking import RESTAKING
from assay.chain.twin.slashing import SLASHING
from assay.chain.twin.token import TOKEN
from assay.chain.twin.vault import VAULT
from assay.chain.values import Deployment
from assay.chain.words import normal, selector

# What a call costs in the twin; the real figure is the real chain's business.
CALL_GAS = 21_000


@dataclass(frozen=True)
class World:
    """The contracts of one deployment and who holds their roles."""

    deployment: Deployment
    roles: dict[str, str]
    terms: Terms
    begun: int
    governed: GovernedTerms

    def run(self, transaction: Transaction, storage: Storage, now: int) -> tuple[Storage, tuple[ChainEvent, ...]]:
        """Returns what is stored after a transaction and what it logged. Raises Reverted; `storage` stays as it is."""
        place = (transaction.sender, transaction.to, now, dict(storage))
        call = Call(*place, self.deployment, self.roles, self.terms, self.begun, self.governed)
        functions = self._functions().get(transaction.to)
        if functions is not None:
            function, types = _named(functions, transaction.data[:4])
            function(call, *(_argument(*pair) for pair in zip(types, _decoded(types, transaction), strict=True)))
        return call.storage, tuple(call.events)

    def _functions(self) -> Mapping[str, Mapping[str, Function]]:
        at = self.deployment
        money = {at.stable: TOKEN, at.native: TOKEN, at.pool: POOL}
        stake = {at.group.vault: VAULT, at.group.restaking: RESTAKING, at.group.slashing: SLASHING}
        stake |= {at.group.purses: PURSES}
        return {**money, **stake, at.anchors: ANCHORS, at.judge: JUDGE, at.payment: PAYMENT, at.challenges: CHALLENGES}


def _named(functions: Mapping[str, Function], wanted: bytes) -> tuple[Function, list[str]]:
    for signature, function in functions.items():
        if selector(signature) == wanted:
            return function, _types(signature)
    raise Reverted("0x.")


def _types(signature: str) -> list[str]:
    """Returns the types of a signature's arguments: what lies between its outermost commas."""
    types, depth = [""], 0
    for character in signature[signature.index("(") + 1 : -1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            types.append("")
        else:
            types[-1] += character
    return [name for name in types if name]


def _decoded(types: list[str], transaction: Transaction) -> tuple[object, ...]:
    try:
        return tuple(decode(types, transaction.data[4:]))
    except DecodingError as error:
        raise Reverted("0x.") from error


def _argument(name: str, value: object) -> object:
    return normal(str(value)) if name == "address" else value
