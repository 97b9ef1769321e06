// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallenges} from "../src/interfaces/IChallenges.sol";
import {IPayment} from "../src/interfaces/IPayment.sol";
import {SignedFixture} from "./SignedFixture.sol";
import {vm} from "./Vm.sol";

/// @notice What each call takes, for gas.snapshot: everything else happens in setUp.
contract PaymentGasTest is SignedFixture {
    IPayment.Epoch private _final;
    IPayment.Epoch private _posted;
    bytes private _leaves;
    bytes private _one;
    bytes private _proof;
    bytes private _evidence;
    IPayment.State private _state;
    bytes private _exit;
    bytes private _permit;

    function setUp() public override {
        super.setUp();
        fund(requester, 1_000_000);
        _final = finalOne(JOB, 1000, 50);
        IPayment.Leaf[] memory list = new IPayment.Leaf[](2);
        (list[0], list[1]) = (leafOf(PROVIDER), leafOf(requester));
        (_leaves, _one) = (abi.encode(list), abi.encode(one(leafOf(PROVIDER))));
        charge("second", 100, 5);
        charge("third", 100, 5);
        _posted = post();
        _proof = abi.encode(proofOf(2, 1));
        _evidence = abi.encode(evidenceOf(1, 105));
        demand(_posted, 1);
        _state = stateOf();
        vm.warp(block.timestamp + 240);
        stable.mint(requester, 1000);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, permitDigest(1000, block.timestamp));
        _permit = abi.encode(v, r, s);
        _exit = signed(KEY, exitOf(requester, 1000, 0, block.timestamp));
    }

    function test_gas_post() public {
        vm.prank(poster);
        payment.post(placeOf(3, 10_000), nodeOf(_state), "root");
    }

    function test_gas_pay_one() public {
        payment.pay(_final, abi.decode(_one, (IPayment.Leaf[])));
    }

    function test_gas_pay_with_one_who_is_owed_nothing() public {
        payment.pay(_final, abi.decode(_leaves, (IPayment.Leaf[])));
    }

    function test_gas_demand() public {
        vm.prank(CHALLENGER);
        challenges.demand(_posted, IChallenges.Demanded.STEP, 0);
    }

    function test_gas_answer() public {
        challenges.answerStep(
            _posted,
            abi.decode(_proof, (IChallenges.Proof)),
            abi.decode(_evidence, (IChallenges.Evidence))
        );
    }

    function test_gas_request_exit() public {
        vm.prank(requester);
        payment.requestExit(1000);
    }

    function test_gas_request_exit_by_signature() public {
        payment.requestExitBySig(requester, 1000, block.timestamp, _exit);
    }

    function test_gas_deposit_with_permit() public {
        (uint8 v, bytes32 r, bytes32 s) = abi.decode(_permit, (uint8, bytes32, bytes32));
        payment.depositWithPermit(requester, 1000, block.timestamp, v, r, s);
    }
}
