"""Custom objects that are wrong, and what the API server says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Manifest

IDENTITY, NETWORK = "identity.dicot.io/v1", "network.dicot.io/v1"
SNAPSHOTS, PROFILES = "snapshot.storage.k8s.io/v1", "cdi.kubevirt.io/v1beta1"
HEX = "0123456789abcdef" * 2
UUID = "01234567-89ab-4def-8123-456789abcdef"
UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the"
    " existing errors to complete validation"
)
INVALID = "FieldValueInvalid"
NOT_WHOLE = '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.formatVersion'
ONE_SOURCE = (
    "spec.source: Invalid value: exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set"
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """An object, and the causes of its refusal: reasons by "field: message", in any order."""

    api_version: str
    plural: str
    kind: str
    spec: Any
    causes: Mapping[str, str]
    old: Any = None

    def manifest(self, spec: Any) -> Manifest:
        """The object with a spec."""
        made: Manifest = {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": "wrong"}}
        return {**made, "spec": spec}


def _typed(field: str, wanted: str, got: str) -> dict[str, str]:
    said = f'{field}: Invalid value: "{got}": {field} in body must be of type {wanted}: "{got}"'
    return {said: "FieldValueTypeInvalid"}


def _bad(message: str) -> dict[str, str]:
    return {message: INVALID}


def _unchecked(causes: Mapping[str, str]) -> Mapping[str, str]:
    """What is so wrong that rules are not even asked."""
    return {**causes, UNCHECKED: INVALID}


def _port(causes: Mapping[str, str], **spec: Any) -> Wrong:
    return Wrong(NETWORK, "ports", "Port", {"networkId": UUID, **spec}, causes)


def _assigned(causes: Mapping[str, str], old: Any = None, **spec: Any) -> Wrong:
    return Wrong(IDENTITY, "roleassignments", "RoleAssignment", spec, causes, old)


def _snapshot(causes: Mapping[str, str], old: Any = None, **source: Any) -> Wrong:
    return Wrong(SNAPSHOTS, "volumesnapshots", "VolumeSnapshot", {"source": source}, causes, old)


ASSIGNED = {"roleId": HEX, "userId": HEX, "scope": {"system": "all"}}
WRONG: Mapping[str, Wrong] = {
    "a number in the place of a text": _port(
        _unchecked(_typed("spec.name", "string", "integer")),
        name=5,
    ),
    "a text in the place of a flag": _port(
        _unchecked(_typed("spec.portSecurity", "boolean", "string")),
        portSecurity="yes",
    ),
    "a fraction in the place of a number": _port(
        _unchecked(_typed("spec.formatVersion", "integer", "number") | {NOT_WHOLE: INVALID}),
        formatVersion=1.5,
    ),
    "a list in the place of a map, deeply": _port(
        _unchecked(_typed("spec.fixedIps[1]", "object", "array")),
        fixedIps=[{}, []],
    ),
    "nothing in a list": _port(
        _unchecked(_typed("spec.securityGroups[0]", "string", "null")),
        securityGroups=[None],
    ),
    "a text that is too long": _port(
        _unchecked({"spec.name: Too long: may not be more than 255 bytes": "FieldValueTooLong"}), name="0" * 256
    ),
    "a number that is too small": _port(
        _bad("spec.formatVersion: Invalid value: 0: spec.formatVersion in body should be greater than or equal to 1"),
        formatVersion=0,
    ),
    "a list that is too long": _port(
        _unchecked({"spec.fixedIps: Too many: 65: must have at most 64 items": "FieldValueTooMany"}),
        fixedIps=[{}] * 65,
    ),
    "no spec": Wrong(NETWORK, "ports", "Port", None, _unchecked({"spec: Required value": "FieldValueRequired"})),
    "several things": Wrong(
        NETWORK,
        "ports",
        "Port",
        {"vm": []},
        _unchecked({"spec.networkId: Required value": "FieldValueRequired"} | _typed("spec.vm", "string", "array")),
    ),
    "a broken rule": _assigned(
        _bad("spec: Invalid value: Either userId or groupId is set."), roleId=HEX, scope={"system": "all"}
    ),
    "rules that cannot be asked": _assigned(
        {
            'spec.scope.system: Unsupported value: "none": supported values: "all"': "FieldValueNotSupported",
            UNCHECKED: INVALID,
        },
        roleId=HEX,
        scope={"system": "none"},
    ),
    "a pattern, an enumeration and too many members": _assigned(
        {
            "spec.roleId: Invalid value: \"x\": spec.roleId in body should match '^[0-9a-f]{32}$'": INVALID,
            "spec.scope: Too many: 2: must have at most 1 item": "FieldValueTooMany",
            UNCHECKED: INVALID,
        },
        roleId="x",
        userId=HEX,
        scope={"system": "all", "project": HEX},
    ),
    "too few members": _assigned(
        _bad("spec.scope: Invalid value: 0: spec.scope in body should have at least 1 properties"),
        roleId=HEX,
        userId=HEX,
        scope={},
    ),
    "a change of what never changes": _assigned(
        _bad("spec: Invalid value: It cannot be changed; delete it and make another."),
        ASSIGNED,
        **{**ASSIGNED, "userId": HEX[::-1]},
    ),
    "neither of two": _snapshot(_bad(ONE_SOURCE)),
    "a text that a rule forbids to change": _snapshot(
        _bad('spec.source.persistentVolumeClaimName: Invalid value: "b": persistentVolumeClaimName is immutable'),
        {"source": {"persistentVolumeClaimName": "a"}},
        persistentVolumeClaimName="b",
    ),
    "a member of a list that a rule does not know": Wrong(
        PROFILES,
        "storageprofiles",
        "StorageProfile",
        {"claimPropertySets": [{"accessModes": ["Some"], "volumeMode": "Block"}]},
        _bad("spec.claimPropertySets[0].accessModes: Invalid value: Illegal AccessMode"),
    ),
    "both of two": _snapshot(
        _bad(ONE_SOURCE),
        volumeSnapshotContentName="a",
        persistentVolumeClaimName="b",
    ),
}
