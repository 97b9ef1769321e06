from hypothesis import given, settings
from hypothesis import strategies as st
from tests.peers import Account, _hash_eip191_message, encode_typed_data

from assay.proof.eip712 import Domain, JobOrder, domain_separator, order_digest, statement_digest
from assay.proof.keccak import keccak256
from assay.schema.values import job_word

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
domains = st.builds(Domain, st.integers(0, 2**63), addresses)
job_ids = st.from_regex(r"\Aj[a-z2-7]{26}\Z")
orders = st.builds(
    JobOrder,
    job_ids,
    addresses,
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**53),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)


def reference(domain: Domain, types: dict[str, list[dict[str, str]]], message: dict[str, object]) -> bytes:
    """The digest as eth_account has it."""
    full = {"name": "Assay", "version": "1", "chainId": domain.chain_id, "verifyingContract": domain.verifying_contract}
    return bytes(_hash_eip191_message(encode_typed_data(full, types, message)))


def fields(text: str) -> list[dict[str, str]]:
    return [dict(zip(("type", "name"), field.split(), strict=True)) for field in text.split(",")]


ORDER = {"JobOrder": fields("bytes32 jobId,address requester,uint256 priceLimit,uint64 deadline,bytes32 specDigest")}
STATEMENT = {"Statement": fields("string eventType,string id,string source,uint64 timeMs,bytes32 dataDigest")}


@settings(max_examples=40, deadline=None)
@given(domains, orders)
def test_an_order_has_the_digest_that_wallets_compute(domain: Domain, order: JobOrder) -> None:
    message = {
        "jobId": job_word(order.job_id),
        "requester": order.requester_address,
        "priceLimit": order.price_limit,
        "deadline": order.deadline_s,
        "specDigest": bytes.fromhex(order.spec_digest),
    }
    assert order_digest(domain, order) == reference(domain, ORDER, message)


@settings(max_examples=40, deadline=None)
@given(domains, st.text(), st.text(), st.text(), st.integers(0, 2**53), st.binary(max_size=400))
def test_a_statement_has_the_digest_that_wallets_compute(
    domain: Domain, event_type: str, id_: str, source: str, time_ms: int, data: bytes
) -> None:
    message = {"eventType": event_type, "id": id_, "source": source, "timeMs": time_ms, "dataDigest": keccak256(data)}
    expected = reference(domain, STATEMENT, message)
    assert statement_digest(domain, event_type, id_, source, time_ms, data) == expected


@given(domains, domains)
def test_every_deployment_has_a_domain_of_its_own(one: Domain, other: Domain) -> None:
    assert (domain_separator(one) == domain_separator(other)) == (one == other)


def test_keccak_is_the_one_of_the_evm() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert Account.from_key(b"\x01" * 32).address.lower() == "0x1a642f0e3c3af545e7acbd38b07251b3990914f1"
