// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The judge of exact numerics
/// @notice Two parties stand by the same inputs of one operation and by different outputs. The judge computes one
/// element of the output from openings of the inputs and compares what each of them has there with it.
interface IJudge {
    /// @notice Who is wrong.
    enum Ruling {
        NONE,
        WORKER_FAULT,
        CHALLENGER_FAULT,
        BOTH_FAULT
    }

    /// @notice What both parties stand by: an operation on inputs with these roots. `sides` are the rows and columns
    /// of each input in turn.
    struct Case {
        bytes32 dispute;
        uint8 op;
        uint32 rows;
        uint32 columns;
        int64[] parameters;
        uint32[] sides;
        bytes32[] roots;
    }

    /// @notice Whole chunks of a tensor, and the siblings that lead from them to its root.
    struct Opening {
        bytes data;
        bytes32[] path;
    }

    /// @notice What one party says: the output's root with its signature, and the chunk in which the element lies.
    struct Claim {
        address party;
        bytes32 output;
        bytes signature;
        Opening chunk;
    }

    event Ruled(
        bytes32 indexed dispute,
        address indexed worker,
        address indexed challenger,
        Ruling ruling,
        uint256 place,
        uint256 truth
    );

    /// @notice The dispute between these two was ruled before.
    error AlreadyRuled(Ruling ruling);
    /// @notice This party did not sign this case with this output.
    error NotSigned(address party);
    /// @notice The outputs are the same, or both are right at this place.
    error Undisputed();

    /// @notice Rules on the element at flat index `place`, for whoever asks. `operands` open what the element follows
    /// from, in the inputs' order.
    function judge(
        Case calldata what,
        uint256 place,
        Opening[] calldata operands,
        Claim calldata worker,
        Claim calldata challenger
    ) external returns (Ruling ruling);

    /// @notice What was ruled in the dispute between these two.
    function rulingOf(bytes32 dispute, address worker, address challenger) external view returns (Ruling);
}
