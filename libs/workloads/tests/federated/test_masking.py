"""Masks cancel whoever drops out; shares open a secret with enough of them, false ones among them or not."""

import os

import numpy as np
import pytest
from Crypto.Protocol.SecretSharing import Shamir
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.workloads.federated import masking, secrets, sharing
from assay.workloads.federated.errors import Mismasked, TooFew
from assay.workloads.federated.sharing import Sealed

SIZE = 5
CONTEXT = ("ab" * 32, 3)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_sum_of_what_is_masked_is_the_sum_whoever_drops_out(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    came = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    values = data.draw(st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=SIZE, max_size=SIZE), min_size=count))
    sealed = [Sealed(os.urandom(32), CONTEXT[0]) for _ in range(count)]
    publics = {place: secrets.public_of(masking.private_of(each.pair(3))) for place, each in enumerate(sealed)}
    masked = {}
    for place in came:
        others = {other: public for other, public in publics.items() if other != place}
        masks = masking.paired(sealed[place].pair(3), place, others, CONTEXT, SIZE)
        masks = masks + masking.owned(sealed[place].own(3), CONTEXT, SIZE)
        masked[place] = np.array(values[place], np.uint32) + masks
    owns = {place: sealed[place].own(3) for place in came}
    gone = {place: sealed[place].pair(3) for place in range(count) if place not in came}
    total = masking.unmasked(masked, owns, gone, publics, CONTEXT)
    assert total.tolist() == [sum(values[place][at] for place in came) % 2**32 for at in range(SIZE)]
    # One member's vector, its own mask taken off, is still hidden by any other that did not give up its pairs.
    if count > 1:
        alone = masked[came[0]] - masking.owned(owns[came[0]], CONTEXT, SIZE)
        assert alone.tolist() != values[came[0]]


@given(st.integers(2, 6), st.data())
@settings(max_examples=40, deadline=None)
def test_a_secret_opens_with_the_threshold_of_true_shares_and_never_with_fewer(count: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(2, count))
    held = data.draw(st.sets(st.integers(0, count - 1)))
    false = data.draw(st.sets(st.sampled_from(sorted(held)))) if held else set()
    secret = os.urandom(16)
    dealt = {number - 1: share for number, share in Shamir.split(threshold, count, secret, False)}
    shares = {place: bytes(16) if place in false else dealt[place] for place in held}
    check = sharing.opens_own(secrets.commit(secret))
    if len(held) < threshold:
        with pytest.raises(TooFew):
            sharing.combine(shares, threshold, check, 0)
    elif len(held - false) < threshold:
        with pytest.raises(Mismasked):
            sharing.combine(shares, threshold, check, 0)
    else:
        assert sharing.combine(shares, threshold, check, 0) == secret
