// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The Merkle-sum tree of all accounts, and the plain Merkle tree of an epoch's steps
/// @notice A node of the sum tree is a hash and two sums in one word: credits in the upper half, debits in the lower.
/// It hashes both children with their sums, so that no sum can be moved from one side to the other unseen. The tree has
/// one leaf for every possible index, and what is empty has hash and sums of zero; so an absent account is proven like
/// any other, and an index has one place only.
library SumTree {
    uint256 internal constant DEPTH = 32;

    /// @notice A hash and the two sums below it.
    struct Node {
        bytes32 hash;
        uint256 sums;
    }

    /// @notice The siblings of one leaf from the bottom up; bit i of `mask` says that the one on level i is not empty.
    struct Branch {
        uint256 mask;
        Node[] siblings;
    }

    /// @notice Two sums that are together more than their half of a word holds.
    error SumOverflow();
    /// @notice A branch with more or fewer siblings than its mask says.
    error BranchLength();
    /// @notice A path that does not fit the number of leaves, or a place that is not among them.
    error PathLength();

    /// @notice The two sums in one word.
    function pack(uint256 credits, uint256 debits) internal pure returns (uint256) {
        if (credits > type(uint128).max || debits > type(uint128).max) revert SumOverflow();
        return credits << 128 | debits;
    }

    /// @notice Both sums of two words, each by itself.
    function add(uint256 a, uint256 b) internal pure returns (uint256 sums) {
        unchecked {
            sums = a + b;
        }
        // Neither half may carry: the lower into the upper, nor the upper out of the word.
        if (sums < a || uint128(sums) < uint128(a)) revert SumOverflow();
    }

    /// @notice Whether `sums` is what two words of sums come to, without an overflow.
    function isSum(uint256 a, uint256 b, uint256 sums) internal pure returns (bool) {
        unchecked {
            return a + b == sums && sums >= a && uint128(sums) >= uint128(a);
        }
    }

    /// @notice The root above `node`, which stands on `level` at `index` of that level.
    function climb(Node memory node, uint256 index, uint256 level, Branch calldata branch)
        internal
        pure
        returns (Node memory)
    {
        if (branch.mask >> (DEPTH - level) != 0) revert BranchLength();
        (bytes32 hash, uint256 sums, uint256 mask) = (node.hash, node.sums, branch.mask);
        Node[] calldata siblings = branch.siblings;
        uint256 next;
        bool isOver;
        assembly ("memory-safe") {
            let free := mload(0x40)
            next := siblings.offset
            for {} and(lt(level, 32), iszero(iszero(or(mask, index)))) { level := add(level, 1) } {
                let otherHash := 0
                let otherSums := 0
                if and(mask, 1) {
                    otherHash := calldataload(next)
                    otherSums := calldataload(add(next, 32))
                    next := add(next, 64)
                }
                if or(or(hash, sums), or(otherHash, otherSums)) {
                    // An odd node stands to the right of its sibling.
                    let own := add(free, shl(6, and(index, 1)))
                    let other := add(free, shl(6, iszero(and(index, 1))))
                    mstore(own, hash)
                    mstore(add(own, 32), sums)
                    mstore(other, otherHash)
                    mstore(add(other, 32), otherSums)
                    hash := keccak256(free, 128)
                    otherSums := add(sums, otherSums)
                    // Neither half may carry: the lower into the upper, nor the upper out of the word.
                    isOver := or(isOver, or(lt(otherSums, sums), lt(shl(128, otherSums), shl(128, sums))))
                    sums := otherSums
                }
                mask := shr(1, mask)
                index := shr(1, index)
            }
            // From here on it is a left child whose sibling is empty; what is empty itself stays so.
            if or(hash, sums) {
                mstore(free, hash)
                mstore(add(free, 32), sums)
                mstore(add(free, 64), 0)
                mstore(add(free, 96), 0)
                for {} lt(level, 32) { level := add(level, 1) } { mstore(free, keccak256(free, 128)) }
                hash := mload(free)
            }
            // Each bit has read one sibling; had they been fewer, something else was read.
            next := div(sub(next, siblings.offset), 64)
        }
        if (next != siblings.length) revert BranchLength();
        if (isOver) revert SumOverflow();
        return Node(hash, sums);
    }

    /// @notice The root above leaf `index` of `size` leaves, in the plain tree whose last level is filled up with zeros.
    function climbPlain(bytes32 hash, uint256 index, uint256 size, bytes32[] calldata path)
        internal
        pure
        returns (bytes32)
    {
        if (index >= size) revert PathLength();
        uint256 level = 0;
        for (uint256 width = 1; width < size; width <<= 1) {
            if (level == path.length) revert PathLength();
            hash = index & 1 == 0 ? _hashPair(hash, path[level]) : _hashPair(path[level], hash);
            index >>= 1;
            ++level;
        }
        if (level != path.length) revert PathLength();
        return hash;
    }

    /// @notice What two children with their sums hash to.
    function hashOf(Node calldata left, Node calldata right) internal pure returns (bytes32) {
        return _hash(left.hash, left.sums, right.hash, right.sums);
    }

    function _hash(bytes32 a, uint256 b, bytes32 c, uint256 d) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, a)
            mstore(add(free, 32), b)
            mstore(add(free, 64), c)
            mstore(add(free, 96), d)
            hash := keccak256(free, 128)
        }
    }

    function _hashPair(bytes32 a, bytes32 b) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, a)
            mstore(32, b)
            hash := keccak256(0, 64)
        }
    }
}
