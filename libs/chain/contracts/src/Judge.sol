// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {Openings} from "./Openings.sol";
import {Operations} from "./Operations.sol";
import {Primitives} from "./Primitives.sol";

/// @dev IJudge says what each function does. It holds no tokens and nobody has a role: a ruling is a fact that others
/// may act on.
contract Judge is IJudge, EIP712 {
    using Openings for Openings.Tensor;

    /// @dev `matter` is the hash of dispute, worker, challenger and operation.
    bytes32 public constant OUTPUT_TYPEHASH = keccak256("Output(bytes32 matter,bytes32 output)");

    /// @dev Bound to the parties: others who use the same dispute's id cannot stand in their way.
    mapping(bytes32 dispute => mapping(address worker => mapping(address challenger => Ruling))) private _rulings;

    constructor() EIP712("Assay", "1") {}

    function judge(
        Case calldata what,
        uint256 place,
        Opening[] calldata operands,
        Claim calldata worker,
        Claim calldata challenger
    ) external returns (Ruling ruling) {
        Ruling known = _rulings[what.dispute][worker.party][challenger.party];
        if (known != Ruling.NONE) revert AlreadyRuled(known);
        if (worker.output == challenger.output) revert Undisputed();
        bytes32 matter = keccak256(abi.encode(what.dispute, worker.party, challenger.party, operationDigest(what)));
        _checkSigned(matter, worker);
        _checkSigned(matter, challenger);
        if (place >= uint256(what.rows) * what.columns) revert Openings.BadOpening();

        uint256 truth = Primitives.evaluate(what, place / what.columns, place % what.columns, operands);
        ruling = _ruling(_claimed(what, place, worker) != truth, _claimed(what, place, challenger) != truth);
        if (ruling == Ruling.NONE) revert Undisputed();
        _rulings[what.dispute][worker.party][challenger.party] = ruling;
        emit Ruled(what.dispute, worker.party, challenger.party, ruling, place, truth);
    }

    function rulingOf(bytes32 dispute, address worker, address challenger) external view returns (Ruling) {
        return _rulings[dispute][worker][challenger];
    }

    /// @notice What stands for the operation on the very inputs with these roots; every list stands behind its length.
    function operationDigest(Case calldata what) public pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                abi.encode(what.op, what.rows, what.columns, what.parameters.length),
                what.parameters,
                what.sides.length,
                what.sides,
                what.roots.length,
                what.roots
            )
        );
    }

    function _ruling(bool isWorkerWrong, bool isChallengerWrong) private pure returns (Ruling) {
        if (isWorkerWrong) return isChallengerWrong ? Ruling.BOTH_FAULT : Ruling.WORKER_FAULT;
        return isChallengerWrong ? Ruling.CHALLENGER_FAULT : Ruling.NONE;
    }

    function _checkSigned(bytes32 matter, Claim calldata claim) private view {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(OUTPUT_TYPEHASH, matter, claim.output)));
        (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, claim.signature);
        if (fault != ECDSA.RecoverError.NoError || signer != claim.party) revert NotSigned(claim.party);
    }

    /// @dev What a party's output holds at the place.
    function _claimed(Case calldata what, uint256 place, Claim calldata claim) private pure returns (uint256) {
        uint256 width = Operations.widthOf(what.op);
        Openings.Tensor memory output = Openings.Tensor(claim.output, what.rows, what.columns, width);
        return output.element(place / what.columns, place % what.columns, claim.chunk);
    }
}
