// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../src/SumTree.sol";
import {same} from "./Vm.sol";

/// @notice What climbs in few steps is what hashing level by level comes to.
contract SumTreeTest {
    function climb(SumTree.Node memory node, uint256 index, uint256 level, SumTree.Branch calldata branch)
        external
        pure
        returns (SumTree.Node memory)
    {
        return SumTree.climb(node, index, level, branch);
    }

    function testFuzz_a_climb_is_hashing_level_by_level(bytes32 seed, uint256 index, uint32 mask, uint8 from) public view {
        SumTree.Node memory node = SumTree.Node(seed, uint256(uint64(uint256(seed))));
        checks(node, index, mask, from % 33);
        // Low places of a tree that is nearly empty, as they are at first.
        checks(node, index % 16, mask % 16, 0);
        checks(node, 0, 0, from % 33);
        checks(SumTree.Node(0, 0), index % 1024, mask % 64, from % 33);
    }

    function checks(SumTree.Node memory node, uint256 index, uint32 mask, uint256 level) private view {
        mask = uint32(uint256(mask) & ((1 << (32 - level)) - 1));
        SumTree.Branch memory branch = branchOf(mask, node.hash);
        SumTree.Node memory found = this.climb(node, index, level, branch);
        (bytes32 hash, uint256 sums, uint256 next) = (node.hash, node.sums, 0);
        for (; level < 32; ++level) {
            SumTree.Node memory other = mask & 1 == 1 ? branch.siblings[next++] : SumTree.Node(0, 0);
            if (hash | bytes32(sums) | other.hash | bytes32(other.sums) != 0) {
                hash = index & 1 == 0
                    ? keccak256(abi.encode(hash, sums, other.hash, other.sums))
                    : keccak256(abi.encode(other.hash, other.sums, hash, sums));
                sums += other.sums;
            }
            (mask, index) = (mask >> 1, index >> 1);
        }
        require(found.hash == hash, "hash");
        same(found.sums, sums);
    }

    function branchOf(uint32 mask, bytes32 seed) private pure returns (SumTree.Branch memory branch) {
        uint256 count;
        for (uint32 left = mask; left != 0; left &= left - 1) ++count;
        branch = SumTree.Branch(mask, new SumTree.Node[](count));
        for (uint256 i = 0; i < count; ++i) {
            branch.siblings[i] = SumTree.Node(keccak256(abi.encode(seed, i)), i + 1);
        }
    }
}
