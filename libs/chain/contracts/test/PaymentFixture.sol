// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenges} from "../src/Challenges.sol";
import {EpochHash} from "../src/EpochHash.sol";
import {InsurancePool} from "../src/InsurancePool.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {Payment} from "../src/Payment.sol";
import {StableToken} from "../src/StableToken.sol";
import {SumTree} from "../src/SumTree.sol";
import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {vm} from "./Vm.sol";

/// @notice A fresh Payment, and an operator's book of up to seven accounts, from which epochs and proofs are made.
abstract contract PaymentFixture {
    uint256 internal constant KEY = 0xa11ce;
    uint256 internal constant VERDICT_KEY = 0x7e4d1c7;
    uint256 internal constant POSTER_KEY = 0x9057e4;
    uint256 internal constant CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    address internal constant PROVIDER = address(0x9209);
    address internal constant OTHER = address(0x07e4);
    address internal constant TREASURY = address(0x74ea);
    address internal constant CHALLENGER = address(0xc4a1);
    uint256 internal constant BOND = 1000e18;
    uint256 internal constant DEMAND_BOND = 5e18;
    uint256 internal constant REFUND = 2e18;
    bytes32 internal constant JOB = "job";
    uint256 private constant LEAVES = 8;

    StableToken internal stable;
    NativeToken internal native;
    InsurancePool internal pool;
    Payment internal payment;
    Challenges internal challenges;
    address internal requester;
    address internal poster;

    address[LEAVES] internal names;
    uint128[LEAVES] internal credits;
    uint128[LEAVES] internal debits;
    IChallenges.Step[] internal steps;
    bytes[] internal requesterLeaves;
    bytes[] internal providerLeaves;
    IPayment.Epoch internal before;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        (requester, poster) = (vm.addr(KEY), vm.addr(POSTER_KEY));
        stable = new StableToken(address(this));
        native = new NativeToken(address(this));
        pool = new InsurancePool(native, address(this), address(this));
        payment = deploy(REFUND);
        challenges = payment.CHALLENGES();
        stable.approve(address(payment), type(uint256).max);
        bondFor(poster, BOND);
        payment.appoint(poster, true);
        native.mint(CHALLENGER, 100 * DEMAND_BOND);
        vm.prank(CHALLENGER);
        native.approve(address(challenges), type(uint256).max);
        join(requester);
        join(PROVIDER);
        join(OTHER);
    }

    function deploy(uint256 refund) internal returns (Payment) {
        return deployWith(refund, IPayment.Windows(1 days, 1 days, 240, 7 days));
    }

    function deployWith(uint256 refund, IPayment.Windows memory windows) internal returns (Payment) {
        (address here, address key) = (address(this), vm.addr(VERDICT_KEY));
        return new Payment(
            Payment.Terms(stable, native, address(pool), TREASURY, here, key, BOND, DEMAND_BOND, refund, windows)
        );
    }

    function bondFor(address who, uint256 amount) internal {
        native.mint(who, amount);
        vm.prank(who);
        native.approve(address(payment), amount);
        vm.prank(who);
        payment.addBond(amount);
    }

    function fund(address party, uint256 amount) internal {
        stable.mint(address(this), amount);
        payment.depositFor(party, amount);
    }

    function join(address account) internal {
        names[payment.register(account)] = account;
    }

    function leafOf(address account) internal view returns (IPayment.Leaf memory leaf) {
        uint256 index = payment.indexOf(account);
        leaf = IPayment.Leaf(account, credits[index], debits[index], branchOf(index));
    }

    function branchOf(uint256 index) internal view returns (SumTree.Branch memory branch) {
        SumTree.Node[] memory level = leaves();
        SumTree.Node[] memory found = new SumTree.Node[](3);
        uint256 count = 0;
        for (uint256 depth = 0; depth < 3; ++depth) {
            SumTree.Node memory sibling = level[(index >> depth) ^ 1];
            if (sibling.hash != 0) {
                branch.mask |= 1 << depth;
                found[count++] = sibling;
            }
            level = above(level);
        }
        branch.siblings = new SumTree.Node[](count);
        for (uint256 i = 0; i < count; ++i) {
            branch.siblings[i] = found[i];
        }
    }

    function stateOf() internal view returns (IPayment.State memory) {
        SumTree.Node[] memory level = leaves();
        for (uint256 depth = 0; depth < SumTree.DEPTH; ++depth) {
            level = above(level);
        }
        return EpochHash.stateOf(level[0]);
    }

    function leaves() internal view returns (SumTree.Node[] memory level) {
        level = new SumTree.Node[](LEAVES);
        bytes32 domain = payment.domainSeparator();
        for (uint256 i = 0; i < LEAVES; ++i) {
            level[i] = EpochHash.ofAccount(domain, i, names[i], credits[i], debits[i]);
        }
    }

    /// @dev The level above, never shorter than two, so that every node has a sibling.
    function above(SumTree.Node[] memory level) internal pure returns (SumTree.Node[] memory upper) {
        upper = new SumTree.Node[](level.length > 2 ? level.length / 2 : 2);
        for (uint256 i = 0; i < level.length / 2; ++i) {
            (SumTree.Node memory a, SumTree.Node memory b) = (level[2 * i], level[2 * i + 1]);
            if (a.hash | b.hash == 0) continue;
            upper[i] = SumTree.Node(keccak256(abi.encode(a, b)), SumTree.add(a.sums, b.sums));
        }
    }

    function charge(bytes32 jobId, uint128 amount, uint128 fee) internal {
        charge(IChallenges.Charge(jobId, 0, requester, PROVIDER, amount, fee, amount + fee, keccak256("receipt")));
    }

    function chargeOf(bytes32 jobId, uint32 part, address provider, uint128 amount, uint128 spent)
        internal
        view
        returns (IChallenges.Charge memory)
    {
        return IChallenges.Charge(jobId, part, requester, provider, amount, 0, spent, keccak256("receipt"));
    }

    function charge(IChallenges.Charge memory item) internal {
        (uint256 payer, uint256 payee) = (payment.indexOf(item.requester), payment.indexOf(item.provider));
        requesterLeaves.push(abi.encode(leafOf(item.requester)));
        debits[payer] += item.amount + item.fee;
        providerLeaves.push(abi.encode(leafOf(item.provider)));
        credits[payee] += item.amount;
        steps.push(IChallenges.Step(item, stateOf()));
    }

    function nodeOf(IPayment.State memory state) internal pure returns (SumTree.Node memory) {
        return SumTree.Node(state.hash, SumTree.pack(state.credits, state.debits));
    }

    function placeOf(uint64 number, uint32 count) internal pure returns (uint64) {
        return number << 32 | count;
    }

    function post() internal returns (IPayment.Epoch memory epoch) {
        epoch = posted(stateOf());
    }

    function posted(IPayment.State memory state) internal returns (IPayment.Epoch memory epoch) {
        IPayment.Epoch memory none;
        epoch = none;
        epoch.number = payment.head().posted + 1;
        (epoch.postedAt, epoch.poster) = (uint64(block.timestamp), poster);
        (epoch.steps, epoch.stepsRoot, epoch.state) = (uint32(steps.length), stepsRoot(epoch.number), state);
        vm.prank(poster);
        payment.post(placeOf(epoch.number, epoch.steps), nodeOf(state), epoch.stepsRoot);
    }

    /// @dev The next epoch begins: what was charged so far stands before it.
    function next(IPayment.Epoch memory epoch) internal {
        before = epoch;
        delete steps;
        delete requesterLeaves;
        delete providerLeaves;
        vm.warp(block.timestamp + 240);
    }

    function postOne(bytes32 jobId, uint128 amount, uint128 fee) internal returns (IPayment.Epoch memory epoch) {
        charge(jobId, amount, fee);
        epoch = post();
    }

    function finalOne(bytes32 jobId, uint128 amount, uint128 fee) internal returns (IPayment.Epoch memory epoch) {
        epoch = postOne(jobId, amount, fee);
        next(epoch);
        vm.warp(block.timestamp + 1 days + 1);
        payment.finalise(epoch);
    }

    function stepLeaves(uint64 number) internal view returns (bytes32[] memory level) {
        uint256 width = 1;
        while (width < steps.length) width <<= 1;
        level = new bytes32[](width);
        bytes32 domain = payment.domainSeparator();
        for (uint32 i = 0; i < steps.length; ++i) {
            level[i] = keccak256(abi.encode(keccak256(abi.encode(EpochHash.STEP_TYPE, domain, number, i, steps[i]))));
        }
    }

    function stepsRoot(uint64 number) internal view returns (bytes32) {
        bytes32[] memory level = stepLeaves(number);
        while (level.length > 1) {
            level = halved(level);
        }
        return level[0];
    }

    function halved(bytes32[] memory level) internal pure returns (bytes32[] memory half) {
        half = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < half.length; ++i) {
            half[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
        }
    }

    function openingOf(uint64 number, uint32 index) internal view returns (IChallenges.Opening memory opening) {
        bytes32[] memory level = stepLeaves(number);
        uint256 depth = 0;
        while (1 << depth < level.length) ++depth;
        opening = IChallenges.Opening(index, steps[index], new bytes32[](depth));
        for (uint256 i = 0; i < depth; ++i) {
            opening.path[i] = level[(index >> i) ^ 1];
            level = halved(level);
        }
    }

    function proofOf(uint64 number, uint32 index) internal view returns (IChallenges.Proof memory proof) {
        proof.opening = openingOf(number, index);
        if (index > 0) proof.previous = openingOf(number, index - 1);
        proof.before = before;
        proof.requester = abi.decode(requesterLeaves[index], (IPayment.Leaf));
        proof.provider = abi.decode(providerLeaves[index], (IPayment.Leaf));
    }

    function evidenceOf(uint32 index, uint256 limit) internal returns (IChallenges.Evidence memory) {
        IChallenges.Charge memory item = steps[index].charge;
        uint64 deadline = uint64(block.timestamp + 1 days);
        return IChallenges.Evidence(
            limit,
            deadline,
            keccak256("spec"),
            signed(KEY, orderOf(item, limit, deadline)),
            signed(VERDICT_KEY, verdictOf(item))
        );
    }

    function orderOf(IChallenges.Charge memory item, uint256 limit, uint64 deadline) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                challenges.ORDER_TYPEHASH(), item.jobId, item.requester, limit, deadline, keccak256("spec")
            )
        );
    }

    function verdictOf(IChallenges.Charge memory item) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                challenges.VERDICT_TYPEHASH(),
                item.jobId,
                item.part,
                item.requester,
                item.provider,
                item.amount,
                item.receiptDigest
            )
        );
    }

    function signed(uint256 key, bytes32 content) internal returns (bytes memory) {
        return signedIn(payment.domainSeparator(), key, content);
    }

    function signedIn(bytes32 domain, uint256 key, bytes32 content) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, content)));
        return abi.encodePacked(r, s, v);
    }

    function demand(IPayment.Epoch memory epoch, uint32 index) internal {
        vm.prank(CHALLENGER);
        challenges.demand(epoch, IChallenges.Demanded.STEP, index);
    }

    function one(IPayment.Leaf memory leaf) internal pure returns (IPayment.Leaf[] memory list) {
        list = new IPayment.Leaf[](1);
        list[0] = leaf;
    }

    function isKnown(IPayment.Epoch memory epoch) internal view returns (bool) {
        return payment.digestOf(epoch.number)
            == keccak256(abi.encode(EpochHash.EPOCH_TYPE, payment.domainSeparator(), epoch));
    }
}
