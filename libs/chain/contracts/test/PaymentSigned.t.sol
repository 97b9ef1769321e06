// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {SignedFixture} from "./SignedFixture.sol";
import {same, split, vm} from "./Vm.sol";

/// @notice A wallet that is a contract: what its owner signed, it has signed (ERC-1271).
contract Wallet {
    address private immutable _OWNER;

    constructor(address owner) {
        _OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == _OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @notice What a requester without gas signs, and whoever else sends; here that is always this contract.
contract PaymentSignedTest is SignedFixture {
    struct Permit {
        uint256 amount;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    uint256 private _deadline;

    function setUp() public override {
        super.setUp();
        _deadline = block.timestamp + 600;
    }

    function test_a_permit_deposits_for_its_owner_alone_once_whoever_sends_it() public {
        stable.mint(requester, 1400);
        Permit memory given = permit(700);
        refused(given, OTHER, given.amount, IPayment.PermitFailed.selector);
        refused(given, requester, 701, IPayment.PermitFailed.selector);
        deposit(given);
        same(payment.fundsOf(requester, block.timestamp), 700);
        // Not again, though the owner now allows more.
        vm.prank(requester);
        stable.approve(address(payment), 700);
        refused(given, requester, 700, IPayment.PermitFailed.selector);
        deposit(permit(700));
        same(payment.fundsOf(requester, block.timestamp), 1400);
        same(payment.fundsOf(OTHER, block.timestamp), 0);
    }

    function test_a_permit_that_somebody_used_first_deposits_all_the_same_once_and_in_time() public {
        stable.mint(requester, 1400);
        Permit memory given = permit(700);
        stable.permit(requester, address(payment), 700, given.deadline, given.v, given.r, given.s);
        refused(given, requester, 699, IPayment.WrongSignature.selector);
        vm.warp(_deadline + 1);
        refused(given, requester, 700, IPayment.Expired.selector);
        vm.warp(_deadline);
        deposit(given);
        same(payment.fundsOf(requester, block.timestamp), 700);
        vm.prank(requester);
        stable.approve(address(payment), 700);
        refused(given, requester, 700, IPayment.PermitFailed.selector);
    }

    function test_no_permit_but_the_last_one_used_deposits() public {
        stable.mint(requester, 1400);
        Permit memory first = permit(700);
        stable.permit(requester, address(payment), 700, first.deadline, first.v, first.r, first.s);
        Permit memory second = permit(500);
        stable.permit(requester, address(payment), 500, second.deadline, second.v, second.r, second.s);
        refused(first, requester, 700, IPayment.WrongSignature.selector);
        (second.s, second.v) = (bytes32(CURVE - uint256(second.s)), second.v == 27 ? 28 : 27);
        refused(second, requester, 500, IPayment.WrongSignature.selector);
    }

    function test_a_requester_leaves_and_stays_by_signatures_alone() public {
        fund(requester, 1000);
        IPayment.Leaf memory leaf = leafOf(requester);
        IPayment.Epoch memory genesis = before;
        payment.requestExitBySig(requester, 400, _deadline, exit(KEY, 400, 0));
        same(payment.accountOf(requester).leaving, 400);
        payment.cancelExitBySig(requester, _deadline, stay(KEY, 1));
        same(payment.accountOf(requester).leaving, 0);
        payment.requestExitBySig(requester, 600, _deadline, exit(KEY, 600, 2));
        vm.warp(block.timestamp + 7 days);
        payment.withdraw(genesis, genesis, leaf);
        same(stable.balanceOf(requester), 600);
        same(stable.balanceOf(address(this)), 0);
    }

    function test_a_signature_says_one_thing_once_here_and_in_time() public {
        fund(requester, 1000);
        fund(OTHER, 1000);
        bytes memory right = exit(KEY, 400, 0);
        exitRefused(requester, 401, right, IPayment.WrongSignature.selector);
        exitRefused(OTHER, 400, right, IPayment.WrongSignature.selector);
        exitRefused(requester, 400, exit(POSTER_KEY, 400, 0), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, exit(KEY, 400, 1), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, stay(KEY, 0), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, elsewhere(400, 0), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, mirrored(right), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, abi.encodePacked(right, bytes1(0)), IPayment.WrongSignature.selector);
        exitRefused(requester, 400, "", IPayment.WrongSignature.selector);
        uint256 here = block.chainid;
        vm.chainId(here + 7);
        exitRefused(requester, 400, right, IPayment.WrongSignature.selector);
        vm.chainId(here);
        vm.warp(_deadline + 1);
        exitRefused(requester, 400, right, IPayment.Expired.selector);
        vm.warp(_deadline);
        payment.requestExitBySig(requester, 400, _deadline, right);
        vm.prank(requester);
        payment.cancelExit();
        exitRefused(requester, 400, right, IPayment.WrongSignature.selector);
    }

    function test_a_requester_leaves_at_once_if_a_poster_sends_what_it_signed() public {
        fund(requester, 1000);
        IPayment.Leaf memory leaf = leafOf(requester);
        bytes memory exit = signed(KEY, exitOf(requester, 600, 0, _deadline));
        vm.expectPartialRevert(IPayment.NotPoster.selector);
        payment.requestExitAtOnceBySig(requester, 600, _deadline, exit);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.WrongSignature.selector);
        payment.requestExitAtOnceBySig(requester, 601, _deadline, exit);
        vm.prank(poster);
        payment.requestExitAtOnceBySig(requester, 600, _deadline, exit);
        // What was ordered before may still stand in an epoch of this very second.
        same(payment.fundsOf(requester, block.timestamp), 1000);
        same(payment.fundsOf(requester, block.timestamp + 1), 400);
        vm.warp(block.timestamp + 1);
        payment.withdraw(before, before, leaf);
        same(stable.balanceOf(requester), 600);
        vm.prank(poster);
        vm.expectPartialRevert(IPayment.WrongSignature.selector);
        payment.requestExitAtOnceBySig(requester, 600, _deadline, exit);
    }

    function test_nothing_signed_keeps_a_requester_from_leaving_by_itself() public {
        fund(requester, 1000);
        bytes memory said = stay(KEY, 0);
        vm.expectPartialRevert(IPayment.NothingLeaving.selector);
        payment.cancelExitBySig(requester, _deadline, said);
        vm.prank(requester);
        payment.requestExit(1000);
        exitRefused(requester, 1, exit(KEY, 1, 0), IPayment.AlreadyLeaving.selector);
        // What fails uses up no nonce.
        same(payment.nonces(requester), 0);
        same(payment.accountOf(requester).leaving, 1000);
    }

    function test_a_contract_signs_as_it_likes() public {
        address wallet = address(new Wallet(requester));
        fund(wallet, 1000);
        bytes memory said = signed(KEY, exitOf(wallet, 1000, 0, _deadline));
        bytes memory other = signed(POSTER_KEY, exitOf(wallet, 1000, 0, _deadline));
        exitRefused(wallet, 1000, other, IPayment.WrongSignature.selector);
        payment.requestExitBySig(wallet, 1000, _deadline, said);
        same(payment.accountOf(wallet).leaving, 1000);
    }

    function deposit(Permit memory given) private {
        payment.depositWithPermit(requester, given.amount, given.deadline, given.v, given.r, given.s);
    }

    function refused(Permit memory given, address owner, uint256 amount, bytes4 reason) private {
        vm.expectPartialRevert(reason);
        payment.depositWithPermit(owner, amount, given.deadline, given.v, given.r, given.s);
    }

    function permit(uint256 amount) private returns (Permit memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, permitDigest(amount, _deadline));
        return Permit(amount, _deadline, v, r, s);
    }

    function exitRefused(address who, uint256 amount, bytes memory signature, bytes4 reason) private {
        vm.expectPartialRevert(reason);
        payment.requestExitBySig(who, amount, _deadline, signature);
    }

    function exit(uint256 key, uint256 amount, uint256 nonce) private returns (bytes memory) {
        return signed(key, exitOf(requester, amount, nonce, _deadline));
    }

    function stay(uint256 key, uint256 nonce) private returns (bytes memory) {
        return signed(key, keccak256(abi.encode(payment.STAY_TYPEHASH(), requester, nonce, _deadline)));
    }

    function elsewhere(uint256 amount, uint256 nonce) private returns (bytes memory) {
        return signedIn(deploy(REFUND).domainSeparator(), KEY, exitOf(requester, amount, nonce, _deadline));
    }

    /// @dev The same signature with the other s that the curve would take.
    function mirrored(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, bytes32 s, uint8 v) = split(signature);
        return abi.encodePacked(r, bytes32(CURVE - uint256(s)), v == 27 ? 28 : 27);
    }
}
