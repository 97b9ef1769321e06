// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IEpochAnchors} from "./interfaces/IEpochAnchors.sol";

/// @dev IEpochAnchors says what each function does. It holds no money and calls nobody.
contract EpochAnchors is IEpochAnchors, AccessControl {
    bytes32 public constant ANCHORER_ROLE = keccak256("ANCHORER_ROLE");

    mapping(address provider => mapping(uint64 number => bytes32)) private _roots;

    constructor(address admin, address anchorer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ANCHORER_ROLE, anchorer);
    }

    function anchor(Anchor[] calldata anchors) external onlyRole(ANCHORER_ROLE) {
        for (uint256 i = 0; i < anchors.length; ++i) {
            _anchor(anchors[i]);
        }
    }

    function rootOf(address provider, uint64 number) external view returns (bytes32) {
        return _roots[provider][number];
    }

    function _anchor(Anchor calldata item) private {
        mapping(uint64 number => bytes32) storage roots = _roots[item.provider];
        if (item.root == 0) return _refuse(item, AnchorRefusal.NO_ROOT);
        if (roots[item.number] != 0) return _refuse(item, AnchorRefusal.KNOWN);
        // The epoch before the first has no root, and its number is none that could ever be anchored.
        if (item.number == 0) return _refuse(item, AnchorRefusal.GAP);
        bytes32 previous = roots[item.number - 1];
        if (item.number > 1 && previous == 0) return _refuse(item, AnchorRefusal.GAP);
        if (item.previous != previous) return _refuse(item, AnchorRefusal.WRONG_PREVIOUS);
        roots[item.number] = item.root;
        emit Anchored(item.provider, item.number, item.root, item.units);
    }

    function _refuse(Anchor calldata item, AnchorRefusal reason) private {
        emit AnchorRefused(item.provider, item.number, item.root, reason);
    }
}
