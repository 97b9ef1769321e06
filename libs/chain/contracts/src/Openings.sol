// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "./interfaces/IJudge.sol";

/// @title Openings of tensors, whose Merkle roots over Keccak-256 are bound to their shapes
/// @dev Rows are cut into chunks of CHUNK bytes, the last one of a row may be short; leaves are tagged with 0, an odd
/// node is promoted, and the root is the top behind the tag 2, rows, columns and the width of an element.
library Openings {
    uint256 internal constant CHUNK = 512;

    /// @notice The bytes or the path are not those of this part of a tensor with this root.
    error BadOpening();

    struct Tensor {
        bytes32 root;
        uint256 rows;
        uint256 columns;
        uint256 width;
    }

    /// @dev The element at (row, column), from the one chunk that holds it.
    function element(Tensor memory tensor, uint256 row, uint256 column, IJudge.Opening calldata opening)
        internal
        pure
        returns (uint256)
    {
        uint256 start = (column * tensor.width) / CHUNK;
        uint256 rowBytes = tensor.columns * tensor.width;
        uint256 size = rowBytes - start * CHUNK < CHUNK ? rowBytes - start * CHUNK : CHUNK;
        _check(tensor, row * _rowChunks(tensor) + start, size, opening);
        return _word(opening.data, column * tensor.width - start * CHUNK, tensor.width);
    }

    /// @dev All 4-byte words of a row, from its chunks.
    function rowWords(Tensor memory tensor, uint256 row, IJudge.Opening calldata opening)
        internal
        pure
        returns (uint256[] memory)
    {
        return words(tensor, row, 0, tensor.columns, opening);
    }

    /// @dev The 4-byte words of a row from column `first`, where a chunk begins, up to, not including, `last`.
    function words(Tensor memory tensor, uint256 row, uint256 first, uint256 last, IJudge.Opening calldata opening)
        internal
        pure
        returns (uint256[] memory found)
    {
        uint256 count = last - first;
        _check(tensor, row * _rowChunks(tensor) + (first * 4) / CHUNK, count * 4, opening);
        // Eight words are written at a time, so there is room for as many, and then the length is set right.
        found = new uint256[]((count + 7) & ~uint256(7));
        bytes calldata data = opening.data;
        assembly ("memory-safe") {
            let to := add(found, 32)
            let end := add(to, shl(5, mload(found)))
            mstore(found, count)
            let low := 0xFFFFFFFF
            for { let from := data.offset } lt(to, end) { from := add(from, 32) } {
                // The bytes of each pair change places, then the pairs of each word.
                let odd := 0x00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF
                let eight := calldataload(from)
                eight := or(shl(8, and(eight, odd)), and(shr(8, eight), odd))
                odd := 0x0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF0000FFFF
                eight := or(shl(16, and(eight, odd)), and(shr(16, eight), odd))
                mstore(to, shr(224, eight))
                mstore(add(to, 32), and(shr(192, eight), low))
                mstore(add(to, 64), and(shr(160, eight), low))
                mstore(add(to, 96), and(shr(128, eight), low))
                mstore(add(to, 128), and(shr(96, eight), low))
                mstore(add(to, 160), and(shr(64, eight), low))
                mstore(add(to, 192), and(shr(32, eight), low))
                mstore(add(to, 224), and(eight, low))
                to := add(to, 256)
            }
        }
    }

    /// @dev A little-endian word of 4 or 8 bytes.
    function _word(bytes calldata data, uint256 from, uint256 width) private pure returns (uint256 word) {
        for (uint256 i = width; i > 0; --i) {
            word = (word << 8) | uint8(data[from + i - 1]);
        }
    }

    function _rowChunks(Tensor memory tensor) private pure returns (uint256) {
        return (tensor.columns * tensor.width + CHUNK - 1) / CHUNK;
    }

    /// @dev The opening must be `size` bytes of one row, cut from chunk `first` on, that lead to the tensor's root.
    function _check(Tensor memory tensor, uint256 first, uint256 size, IJudge.Opening calldata opening) private pure {
        if (opening.data.length != size) revert BadOpening();
        bytes32 top = _fold(_leaves(opening.data), first, tensor.rows * _rowChunks(tensor), opening.path);
        bytes memory head = abi.encodePacked(
            uint8(2), uint32(tensor.rows), uint32(tensor.columns), uint8(tensor.width), top
        );
        if (keccak256(head) != tensor.root) revert BadOpening();
    }

    function _leaves(bytes calldata data) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[]((data.length + CHUNK - 1) / CHUNK);
        for (uint256 i = 0; i < leaves.length; ++i) {
            uint256 end = (i + 1) * CHUNK < data.length ? (i + 1) * CHUNK : data.length;
            leaves[i] = keccak256(abi.encodePacked(uint8(0), data[i * CHUNK:end]));
        }
    }

    /// @dev The top over `size` leaves, of which these stand from `first` on.
    function _fold(bytes32[] memory level, uint256 first, uint256 size, bytes32[] calldata path)
        private
        pure
        returns (bytes32)
    {
        (uint256 count, uint256 used) = (level.length, 0);
        if (first + count > size) revert BadOpening();
        for (; size > 1; size = (size + 1) / 2) {
            (uint256 made, uint256 i) = (0, 0);
            uint256 last = first + count;
            if (first & 1 == 1) (level[made++], i) = (_pair(_sibling(path, used++), level[0]), 1);
            for (; i + 1 < count; i += 2) {
                level[made++] = _pair(level[i], level[i + 1]);
            }
            if (i < count) level[made++] = last < size ? _pair(level[i], _sibling(path, used++)) : level[i];
            (first, count) = (first / 2, made);
        }
        if (used != path.length) revert BadOpening();
        return level[0];
    }

    function _sibling(bytes32[] calldata path, uint256 index) private pure returns (bytes32) {
        if (index >= path.length) revert BadOpening();
        return path[index];
    }

    function _pair(bytes32 left, bytes32 right) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            node := keccak256(0, 64)
        }
    }
}
