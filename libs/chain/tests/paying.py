"""An operator's side of Payment for the tests of both chains: jobs that are ordered, judged, charged and posted."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from assay.chain import wallet
from assay.chain.events import Receipt
from assay.chain.orders import order_digest
from assay.chain.payment import encode
from assay.chain.payment.shapes import NO_EPOCH, Opening, Proof, proof_of
from assay.chain.payment.values import Evidence, Terms
from assay.chain.port import Chain, Order
from assay.chain.words import normal
from assay.proof.keys import Key
from assay.proof.settlement import Charge, Payout, Posted, Settlement, verdict_digest
from assay.proof.settlement_epoch import Book, Epoch, build, prove_step

SPEC = b"\7" * 32
PRICE_LIMIT = 1000


@dataclass
class Operator:
    """One key that posts, judges and collects the fees, and its book."""

    chain: Chain
    key: Key
    book: Book
    last: Posted = NO_EPOCH
    built: dict[int, tuple[Book, Posted, Epoch]] = field(default_factory=dict)

    async def post(self, *settlements: Settlement) -> Receipt:
        """Posts the next epoch."""
        epoch, after = self.next(settlements)
        receipt = await self.send(encode.encode_post(epoch.number, epoch.state, epoch.steps_root, len(epoch.steps)))
        self.take(epoch, after, receipt.events[-1].epoch)
        return receipt

    def next(self, settlements: Sequence[Settlement]) -> tuple[Epoch, Book]:
        """The epoch that would be posted next, and the book after it."""
        return build(self.book, self.last.number + 1, settlements)

    def take(self, epoch: Epoch, after: Book, posted: Posted) -> None:
        """Goes on from an epoch that was posted."""
        self.built[epoch.number] = (self.book, self.last, epoch)
        self.book, self.last = after, posted

    def forget(self, number: int) -> None:
        """Goes back to before an epoch that is void."""
        self.book, self.last, _ = self.built[number]

    def proof(self, number: int, index: int) -> Proof:
        before, last, epoch = self.built[number]
        return proof_of(prove_step(before, epoch, index), last)

    def opening(self, number: int, index: int) -> Opening:
        return self.proof(number, index).opening

    def evidence(self, requester: Key, charge: Charge, deadline: int) -> Evidence:
        domain = self.book.domain
        order = Order(charge.job, requester.address, PRICE_LIMIT, deadline, SPEC)
        signed = requester.sign(order_digest(order, domain))
        verdict = self.key.sign(verdict_digest(domain, charge))
        return Evidence(PRICE_LIMIT, deadline, SPEC, bytes.fromhex(signed[2:]), bytes.fromhex(verdict[2:]))

    async def send(self, call: bytes, key: Key | None = None) -> Receipt:
        return await wallet.send(self.chain, key or self.key, self.chain.deployment.payment, call)

    async def challenge(self, call: bytes, key: Key) -> Receipt:
        return await wallet.send(self.chain, key, self.chain.deployment.challenges, call)


async def operator_of(rig, deposit: int = 1000) -> Operator:
    """A bonded poster, a requester with a deposit, a provider and a stranger with places in the tree."""
    chain, keys, terms = rig.chain, rig.keys, Terms()
    await wallet.mint_native(chain, keys.admin, keys.settler.address, 10 * terms.bond)
    await wallet.mint_native(chain, keys.admin, keys.stranger.address, 10 * terms.demand_bond)
    await wallet.add_bond(chain, keys.settler, 3 * terms.bond)
    await wallet.mint_stable(chain, keys.admin, keys.requester.address, deposit)
    await wallet.deposit(chain, keys.requester, deposit)
    for key in (keys.provider, keys.stranger):
        await wallet.register(chain, keys.stranger, key.address)
    people = [normal(key.address) for key in (keys.requester, keys.provider, keys.stranger)]
    places = {each: (await chain.account_of(each)).index for each in people}
    return Operator(chain, keys.settler, Book(chain.deployment.domain, places))


def job(rig, name: str, *amounts: int, fee: int = 0, provider: Key | None = None) -> Settlement:
    """A job of the requester, whose parts earn these amounts."""
    whom = normal((provider or rig.keys.provider).address)
    payouts = tuple(Payout(whom, amount, fee) for amount in amounts)
    return Settlement(name.encode().ljust(32, b"\0"), normal(rig.keys.requester.address), payouts, b"\5" * 32)


def bent(epoch: Posted, amount: int) -> Posted:
    """The epoch with another sum of credits."""
    return replace(epoch, state=epoch.state._replace(credits=epoch.state.credits + amount))
