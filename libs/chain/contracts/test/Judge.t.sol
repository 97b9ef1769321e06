// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Judge} from "../src/Judge.sol";
import {Openings} from "../src/Openings.sol";
import {Operations} from "../src/Operations.sol";
import {IJudge} from "../src/interfaces/IJudge.sol";
import {same, vm} from "./Vm.sol";

/// @notice Who is judged, on what, and how often; what an element is, the tests over a real node show.
contract JudgeTest {
    uint256 private constant WORKER = 0xa11ce;
    uint256 private constant CHALLENGER = 0xb0b;
    uint32 private constant ONE = 0x3F800000;
    uint32 private constant TWO = 0x40000000;
    uint32 private constant THREE = 0x40400000;

    Judge private court = new Judge();

    function test_a_wrong_worker_is_at_fault() public {
        same(uint256(rule(ONE, THREE)), uint256(IJudge.Ruling.WORKER_FAULT));
    }

    function test_a_wrong_challenger_is_at_fault() public {
        same(uint256(rule(THREE, ONE)), uint256(IJudge.Ruling.CHALLENGER_FAULT));
    }

    function test_both_can_be_wrong() public {
        same(uint256(rule(ONE, TWO)), uint256(IJudge.Ruling.BOTH_FAULT));
    }

    function test_a_ruling_stands_and_is_made_once() public {
        rule(ONE, THREE);
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        same(
            uint256(court.rulingOf(what.dispute, worker.party, challenger.party)), uint256(IJudge.Ruling.WORKER_FAULT)
        );
        same(uint256(court.rulingOf(what.dispute, challenger.party, worker.party)), uint256(IJudge.Ruling.NONE));
        IJudge.Opening[] memory inputs = operands();
        vm.expectPartialRevert(IJudge.AlreadyRuled.selector);
        court.judge(what, 0, inputs, worker, challenger);
    }

    function test_the_same_output_is_no_dispute() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, ONE);
        refuse(what, 0, worker, challenger, IJudge.Undisputed.selector);
    }

    function test_nobody_is_judged_on_inputs_that_were_not_signed() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        what.roots[1] = what.roots[0];
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
    }

    function test_nobody_is_judged_on_another_operation() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        what.op = uint8(Operations.Op.SUB);
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
    }

    function test_nobody_is_judged_on_an_output_that_was_not_signed() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        worker.output = root(abi.encodePacked(swapped(TWO)));
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
        (what, worker, challenger) = made(THREE, ONE);
        challenger.output = root(abi.encodePacked(swapped(TWO)));
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
        (what, worker, challenger) = made(THREE, ONE);
        challenger.signature = worker.signature;
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
    }

    function test_a_signature_for_another_dispute_counts_for_nothing() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        what.dispute = keccak256("another");
        refuse(what, 0, worker, challenger, IJudge.NotSigned.selector);
    }

    function test_the_parties_cannot_change_places() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        refuse(what, 0, challenger, worker, IJudge.NotSigned.selector);
    }

    function test_openings_of_other_bytes_are_refused() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        IJudge.Opening[] memory inputs = operands();
        inputs[0].data = abi.encodePacked(swapped(THREE));
        vm.expectPartialRevert(Openings.BadOpening.selector);
        court.judge(what, 0, inputs, worker, challenger);
        inputs = operands();
        inputs[1].path = new bytes32[](1);
        vm.expectPartialRevert(Openings.BadOpening.selector);
        court.judge(what, 0, inputs, worker, challenger);
        vm.expectPartialRevert(Openings.BadOpening.selector);
        court.judge(what, 0, new IJudge.Opening[](1), worker, challenger);
        challenger.chunk.data = worker.chunk.data;
        refuse(what, 0, worker, challenger, Openings.BadOpening.selector);
    }

    function test_a_place_beyond_the_output_is_refused() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        refuse(what, 1, worker, challenger, Openings.BadOpening.selector);
    }

    function testFuzz_an_unknown_operation_is_refused(uint8 op) public {
        if (op != 0 && op <= uint8(type(Operations.Op).max)) return;
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        what.op = op;
        sign(what, worker, challenger);
        refuse(what, 0, worker, challenger, Operations.BadOperation.selector);
    }

    function test_inputs_that_do_not_fit_are_refused() public {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) = made(ONE, THREE);
        what.sides[0] = 2;
        sign(what, worker, challenger);
        refuse(what, 0, worker, challenger, Operations.BadOperation.selector);
        what.sides[0] = 0;
        sign(what, worker, challenger);
        refuse(what, 0, worker, challenger, Operations.BadOperation.selector);
        (what.sides[0], what.parameters) = (1, new int64[](1));
        sign(what, worker, challenger);
        refuse(what, 0, worker, challenger, Operations.BadOperation.selector);
    }

    /// @dev 1 + 2, of which the parties make what is said.
    function made(uint32 workers, uint32 challengers)
        private
        returns (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger)
    {
        IJudge.Opening[] memory inputs = operands();
        bytes32[] memory roots = new bytes32[](2);
        (roots[0], roots[1]) = (root(inputs[0].data), root(inputs[1].data));
        uint32[] memory sides = new uint32[](4);
        (sides[0], sides[1], sides[2], sides[3]) = (1, 1, 1, 1);
        what = IJudge.Case(keccak256("dispute"), uint8(Operations.Op.ADD), 1, 1, new int64[](0), sides, roots);
        bytes32[] memory none = new bytes32[](0);
        bytes memory workersData = abi.encodePacked(swapped(workers));
        bytes memory challengersData = abi.encodePacked(swapped(challengers));
        worker = IJudge.Claim(vm.addr(WORKER), root(workersData), "", IJudge.Opening(workersData, none));
        challenger = IJudge.Claim(vm.addr(CHALLENGER), root(challengersData), "", IJudge.Opening(challengersData, none));
        sign(what, worker, challenger);
    }

    function rule(uint32 workers, uint32 challengers) private returns (IJudge.Ruling) {
        (IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) =
            made(workers, challengers);
        return court.judge(what, 0, operands(), worker, challenger);
    }

    function refuse(
        IJudge.Case memory what,
        uint256 place,
        IJudge.Claim memory worker,
        IJudge.Claim memory challenger,
        bytes4 reason
    ) private {
        IJudge.Opening[] memory inputs = operands();
        vm.expectPartialRevert(reason);
        court.judge(what, place, inputs, worker, challenger);
    }

    function operands() private pure returns (IJudge.Opening[] memory inputs) {
        inputs = new IJudge.Opening[](2);
        inputs[0] = IJudge.Opening(abi.encodePacked(swapped(ONE)), new bytes32[](0));
        inputs[1] = IJudge.Opening(abi.encodePacked(swapped(TWO)), new bytes32[](0));
    }

    function root(bytes memory data) private pure returns (bytes32) {
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), data));
        return keccak256(abi.encodePacked(uint8(2), uint32(1), uint32(1), uint8(4), leaf));
    }

    function swapped(uint32 word) private pure returns (uint32) {
        return (word >> 24) | ((word >> 8) & 0xFF00) | ((word << 8) & 0xFF0000) | (word << 24);
    }

    function sign(IJudge.Case memory what, IJudge.Claim memory worker, IJudge.Claim memory challenger) private {
        bytes32 operation = court.operationDigest(what);
        bytes32 matter = keccak256(abi.encode(what.dispute, worker.party, challenger.party, operation));
        worker.signature = signatureBy(WORKER, matter, worker.output);
        challenger.signature = signatureBy(CHALLENGER, matter, challenger.output);
    }

    function signatureBy(uint256 key, bytes32 matter, bytes32 output) private returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Assay"),
                keccak256("1"),
                block.chainid,
                address(court)
            )
        );
        bytes32 content = keccak256(abi.encode(court.OUTPUT_TYPEHASH(), matter, output));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, content)));
        return abi.encodePacked(r, s, v);
    }
}
