"""A chain in memory: signed bytes in, blocks and events out, with the contracts' twin inside.

It mines at once unless `is_mining` is off, and can lose a waiting transaction or its latest blocks, so that whoever
sends money can be tested against what real chains do.
"""

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

from assay.chain.errors import FeeTooLow, NonceTaken, Reverted, UnknownBlock
from assay.chain.events import LoggedEvent, Receipt
from assay.chain.governed.places import Governed
from assay.chain.governed.terms import GovernedTerms
from assay.chain.payment.values import Poster, Terms
from assay.chain.transaction import Transaction, bump, read_transaction
from assay.chain.twin.anchors import NO_ROOT
from assay.chain.twin.call import DEFAULT_TERMS, GOVERNED, Call, Storage
from assay.chain.twin.payment_reads import PaymentTwin
from assay.chain.twin.stake_reads import StakeTwin
from assay.chain.twin.world import CALL_GAS, World
from assay.chain.values import Block, Deployment, Fees, Ruling, Tag
from assay.chain.words import checksum, normal
from assay.proof.keccak import keccak256

GWEI = 10**9
FIRST = ("stable", "native", "pool", "anchors", "judge", "payment", "challenges")
GROUP = ("timelock", "governance", "restaking", "vault", "slashing", "purses", "rewards")


@dataclass(frozen=True)
class Mined:
    """A block, what its transactions came to, and what was stored after it."""

    block: Block
    receipts: tuple[Receipt, ...]
    storage: Storage


class MemoryChain(PaymentTwin, StakeTwin):
    """The `Chain` of tests: `admin` mints and governs, `settler` posts, anchors and compensates, `proposer` accuses.

    Who rules on appeals is named in `governed`.
    """

    def __init__(
        self,
        admin: str,
        settler: str,
        proposer: str,
        chain_id: int = 31337,
        clock: Callable[[], float] = time.time,
        terms: Terms = DEFAULT_TERMS,
        governed: GovernedTerms = GOVERNED,
    ) -> None:
        places = {name: place_of(name) for name in FIRST}
        timelock, governance, restaking, vault, slashing, purses, rewards = map(place_of, GROUP)
        group = Governed(0, timelock, governance, restaking, vault, slashing, purses, rewards)
        self.deployment = Deployment(chain_id=chain_id, deployed_block=0, governed=group, **places)
        roles = dict.fromkeys(("COMPENSATOR_ROLE", "ANCHORER_ROLE"), settler)
        roles |= {"MINTER_ROLE": admin, "DEFAULT_ADMIN_ROLE": admin, "GOVERNOR": admin, "PROPOSER": proposer}
        roles["ARBITER"] = governed.officers.arbiter
        roles |= dict.fromkeys(("TREASURY", "VERDICT_KEY"), settler)
        holders = {role: normal(holder) for role, holder in roles.items()}
        self._world = World(self.deployment, holders, terms, int(clock()), governed)
        self._clock = clock
        self._ahead_s = 0
        self._forks = 0
        self._waiting: list[Transaction] = []
        genesis = {("poster", holders["TREASURY"]): Poster(is_appointed=True)}
        self._chain = [Mined(Block(0, keccak256(b"genesis"), bytes(32), int(clock())), (), genesis)]
        self.is_mining = True
        self.lags: dict[Tag, int] = {}

    async def block(self, number: int | None = None) -> Block:
        """Returns the block of this number, or the latest one. Raises UnknownBlock."""
        if number is None:
            return self._chain[-1].block
        if not 0 <= number < len(self._chain):
            raise UnknownBlock(f"Block {number}.")
        return self._chain[number].block

    async def marked(self, tag: Tag) -> int | None:
        """Returns the number of the block that is called so: `lags` says how far each is behind the latest one."""
        lag = self.lags.get(tag)
        return None if lag is None else max(0, self._chain[-1].block.number - lag)

    def at(self, block: Block) -> "MemoryChain":
        """Returns the chain whose contracts answer as they stood after this block. Raises UnknownBlock."""
        if block not in (mined.block for mined in self._chain[block.number : block.number + 1]):
            raise UnknownBlock(f"Block {block.number}.")
        then = copy(self)
        then._chain = self._chain[: block.number + 1]
        return then

    async def root_of(self, provider: str, number: int) -> bytes:
        """Returns the anchored root of a provider's epoch, or 32 zero bytes."""
        return bytes(self._storage.get(("root", normal(provider), number), NO_ROOT))

    async def ruling_of(self, dispute: bytes, worker: str, challenger: str) -> Ruling:
        """Returns what the judge ruled in the dispute between these two."""
        return Ruling(self._storage.get(("ruling", dispute, normal(worker), normal(challenger)), Ruling.NONE))

    async def token_balance(self, token: str, address: str) -> int:
        """Returns how much of a token an address holds."""
        return self._number(normal(token), "balance", normal(address))

    async def pool_balance(self) -> int:
        """Returns the insurance pool's native tokens."""
        return await self.token_balance(self.deployment.native, self.deployment.pool)

    async def nonce_of(self, address: str) -> int:
        """Returns the nonce of the next transaction, counted over mined ones."""
        return self._number("nonce", normal(address))

    async def fees(self) -> Fees:
        """Returns fees at which a transaction is mined soon."""
        return Fees(max_fee=3 * GWEI, max_priority=GWEI)

    async def estimate(self, sender: str, to: str, data: bytes) -> int:
        """Returns the gas this call needs with a margin. Raises Reverted with the contract's reason."""
        call = Transaction(b"", normal(sender), self.deployment.chain_id, 0, Fees(0, 0), 0, normal(to), 0, data)
        self._world.run(call, self._storage, self._now)
        return 2 * CALL_GAS

    def _call(self) -> Call:
        """What a question of a contract's code sees."""
        world = self._world
        place = ("", "", self._now, self._storage, world.deployment, world.roles)
        return Call(*place, world.terms, world.begun, world.governed)

    async def broadcast(self, raw: bytes) -> bytes:
        """Returns the hash of a transaction that the chain now has, however often it is sent.

        Raises NonceTaken, FeeTooLow.
        """
        transaction = read_transaction(raw)
        if await self.receipt(transaction.hash) is None and transaction not in self._waiting:
            self._admit(transaction)
        if self.is_mining and self._waiting:
            self.mine()
        return transaction.hash

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Returns how a transaction went, or None while it is not in a block (any more)."""
        receipts = (receipt for mined in reversed(self._chain) for receipt in mined.receipts)
        return next((receipt for receipt in receipts if receipt.tx_hash == tx_hash), None)

    async def events(self, from_block: int, to_block: int) -> list[LoggedEvent]:
        """Returns the contracts' events of these blocks, both included, in the chain's order."""
        receipts = (receipt for mined in self._chain[from_block : to_block + 1] for receipt in mined.receipts)
        return [
            LoggedEvent(event, receipt.block_number, receipt.tx_hash)
            for receipt in receipts
            for event in receipt.events
        ]

    def mine(self) -> None:
        """Puts every waiting transaction whose turn it is into one new block."""
        storage, receipts, number = dict(self._storage), [], len(self._chain)
        block_hash = keccak256(self._chain[-1].block.hash + bytes([self._forks % 256]) + number.to_bytes(8, "big"))
        while (transaction := self._next(storage)) is not None:
            self._waiting.remove(transaction)
            storage["nonce", transaction.sender] = transaction.nonce + 1
            receipt = Receipt(transaction.hash, number, block_hash, 1, CALL_GAS, ())
            try:
                storage, events = self._world.run(transaction, storage, self._now)
                receipts.append(replace(receipt, events=events))
            except Reverted:
                receipts.append(replace(receipt, status=0))
        block = Block(number, block_hash, self._chain[-1].block.hash, self._now)
        self._chain.append(Mined(block, tuple(receipts), storage))

    def advance(self, seconds: int) -> None:
        """Moves the chain's time on, from its next block."""
        self._ahead_s += seconds

    def drop(self, tx_hash: bytes) -> None:
        """Forgets a waiting transaction, as a full node does."""
        self._waiting = [transaction for transaction in self._waiting if transaction.hash != tx_hash]

    def reorganise(self, depth: int) -> None:
        """Replaces the latest blocks by as many empty ones; what they held is lost until it is sent again."""
        self._forks += 1
        del self._chain[len(self._chain) - depth :]
        waiting, self._waiting = self._waiting, []
        for _ in range(depth):
            self.mine()
        self._waiting = waiting

    @property
    def _storage(self) -> Storage:
        return self._chain[-1].storage

    @property
    def _now(self) -> int:
        return max(int(self._clock()) + self._ahead_s, self._chain[-1].block.timestamp)

    def _number(self, *key: str) -> int:
        return int(self._storage.get(key, 0))

    def _next(self, storage: Storage) -> Transaction | None:
        ready = (tx for tx in self._waiting if tx.nonce == storage.get(("nonce", tx.sender), 0))
        return next(ready, None)

    def _admit(self, transaction: Transaction) -> None:
        """Takes a transaction in, in place of a cheaper one of the same nonce."""
        if transaction.chain_id != self.deployment.chain_id:
            raise Reverted(f"The transaction is signed for chain {transaction.chain_id}.")
        if transaction.nonce < self._number("nonce", transaction.sender):
            raise NonceTaken(f"Nonce {transaction.nonce} of {transaction.sender}.")
        same = [tx for tx in self._waiting if (tx.sender, tx.nonce) == (transaction.sender, transaction.nonce)]
        for rival in same:
            least, offered = bump(rival.fees), transaction.fees
            if offered.max_fee < least.max_fee or offered.max_priority < least.max_priority:
                raise FeeTooLow(f"Nonce {transaction.nonce} waits with {rival.fees}.")
            self._waiting.remove(rival)
        self._waiting.append(transaction)


def place_of(name: str) -> str:
    """Returns where the twin of a contract stands."""
    return checksum(keccak256(f"assay twin {name}".encode())[12:])
