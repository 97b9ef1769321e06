// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochAnchors} from "../src/EpochAnchors.sol";
import {Escrow} from "../src/Escrow.sol";
import {InsurancePool} from "../src/InsurancePool.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {StableToken} from "../src/StableToken.sol";
import {Stake} from "../src/Stake.sol";
import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {IStake} from "../src/interfaces/IStake.sol";
import {vm} from "./Vm.sol";

/// @notice A fresh deployment, a requester with a key, and the shortest way to say what a test is about.
abstract contract Fixture {
    uint256 internal constant KEY = 0xa11ce;
    /// @dev The order of secp256k1, with which the other root of a signature is made.
    uint256 internal constant CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    address internal constant SETTLER = address(0x5e77);
    address internal constant SLASHER = address(0x51a5);
    address internal constant PROVIDER = address(0x9209);
    address internal constant OTHER = address(0x07e4);
    address internal constant VERIFIER = address(0x7e81);

    StableToken internal stable;
    NativeToken internal native;
    Escrow internal escrow;
    InsurancePool internal pool;
    Stake internal bonds;
    EpochAnchors internal anchors;
    address internal requester;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        requester = vm.addr(KEY);
        stable = new StableToken(address(this));
        native = new NativeToken(address(this));
        escrow = new Escrow(stable, address(this), SETTLER);
        pool = new InsurancePool(native, address(this), SETTLER);
        bonds = new Stake(native, address(pool), address(this), SLASHER);
        anchors = new EpochAnchors(address(this), SETTLER);
        stable.approve(address(escrow), type(uint256).max);
        native.approve(address(bonds), type(uint256).max);
    }

    function fund(address party, uint256 amount) internal {
        stable.mint(address(this), amount);
        escrow.depositFor(party, amount);
    }

    function fundAudits(uint256 amount) internal {
        stable.mint(address(this), amount);
        escrow.fundAudits(amount);
    }

    function bond(address provider, uint256 amount) internal {
        native.mint(address(this), amount);
        bonds.stakeFor(provider, amount);
    }

    function orderOf(bytes32 jobId, uint256 limit) internal view returns (IEscrow.Order memory) {
        return IEscrow.Order(jobId, requester, limit, uint64(block.timestamp + 1 days), keccak256("spec"));
    }

    function digest(IEscrow.Order memory order, uint256 chain, address verifying) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Assay"),
                keccak256("1"),
                chain,
                verifying
            )
        );
        bytes32 content = keccak256(
            abi.encode(
                escrow.ORDER_TYPEHASH(),
                order.jobId,
                order.requester,
                order.priceLimit,
                order.deadline,
                order.specDigest
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    function signature(IEscrow.Order memory order) internal returns (bytes memory) {
        return signatureBy(KEY, digest(order, block.chainid, address(escrow)));
    }

    function signatureBy(uint256 key, bytes32 content) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, content);
        return abi.encodePacked(r, s, v);
    }

    function relay(IEscrow.Order memory order, bytes memory signed) internal {
        IEscrow.Order[] memory orders = new IEscrow.Order[](1);
        bytes[] memory signatures = new bytes[](1);
        (orders[0], signatures[0]) = (order, signed);
        escrow.open(orders, signatures);
    }

    function open(bytes32 jobId, uint256 limit) internal {
        IEscrow.Order memory order = orderOf(jobId, limit);
        relay(order, signature(order));
    }

    function payouts(uint64 count, uint256 each) internal pure returns (IEscrow.Payout[] memory list) {
        list = new IEscrow.Payout[](count);
        for (uint64 i = 0; i < count; ++i) {
            list[i] = IEscrow.Payout(PROVIDER, i + 1, each);
        }
    }

    function settle(bytes32 jobId, IEscrow.Payout[] memory list) internal {
        settle(jobId, list, 0);
    }

    function settle(bytes32 jobId, IEscrow.Payout[] memory list, uint256 fee) internal {
        IEscrow.Settlement[] memory batch = new IEscrow.Settlement[](1);
        batch[0] = IEscrow.Settlement(jobId, list, fee, keccak256("receipt"));
        vm.prank(SETTLER);
        escrow.settle(batch);
    }

    function payAudit(bytes32 auditId, address verifier, uint256 amount) internal {
        IEscrow.AuditPayment[] memory batch = new IEscrow.AuditPayment[](1);
        batch[0] = IEscrow.AuditPayment(auditId, verifier, amount);
        vm.prank(SETTLER);
        escrow.payAudits(batch);
    }

    function slash(address provider, uint256 amount, bytes32 jobId, uint64 fence) internal {
        IStake.Slash[] memory batch = new IStake.Slash[](1);
        batch[0] = IStake.Slash(provider, amount, IStake.SlashReason.INVALID_RESULT, jobId, fence);
        vm.prank(SLASHER);
        bonds.slash(batch);
    }
}
