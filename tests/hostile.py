"""Kubernetes objects as somebody writes them who means harm, made from what Dicot reads of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

import dicot.names
from dicot.kube.kind import Kind, Manifest

NAMES = tuple(f"thing-{number}" for number in range(40))
LONG = 20_000
DEEP = 1_200
OWN = sorted(
    value
    for name, value in vars(dicot.names).items()
    if name.isupper()
    and isinstance(value, str)
    and value.startswith(dicot.names.PREFIX)
    and value != dicot.names.PREFIX
)
"""Every label and annotation that Dicot writes, or the beginning of it."""
WORDS = (
    *("Running", "Stopped", "Starting", "Stopping", "Paused", "Migrating", "Terminating", "Unknown", "Provisioning"),
    *("WaitingForVolumeBinding", "WaitingForReceiver", "CrashLoopBackOff", "ErrorUnschedulable", "ErrImagePull"),
    *("ImagePullBackOff", "ErrorPvcNotFound", "DataVolumeError", "Scheduled", "Scheduling", "Succeeded", "Failed"),
    *(
        "Pending",
        "Bound",
        "Start",
        "Stop",
        "Ready",
        "Synchronized",
        "PodScheduled",
        "True",
        "False",
        "Always",
        "Manual",
    ),
    *(
        "RerunOnFailure",
        "Halted",
        "Once",
        "FailedCreate",
        "Error",
        "Failure",
        "ErrClaimNotValid",
        "running",
        "active",
    ),
)
TEXTS: tuple[str, ...] = (
    *(
        "",
        " ",
        "\0",
        "\x1b[31m\r\n",
        "a\u2028b",
        "\u202egnp",
        "\ufeff",
        "😀" * 40,
        "../../etc",
        "%2e%2e",
        "null",
        "{}",
    ),
    *("default", "-1", "1e999", "NaN", "0x10", "9" * 400, "10Gi", "-5Gi", "1e400Gi", "Gi", "0.0000001n", "1Ei"),
    *("2026-11-20T10:00:00Z", "2026-13-41T25:61:61Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999Z"),
    *("2026-11-20", "yesterday", "-292277022399-01-01T00:00:00Z", "10.0.0.1", "999.1.1.1", "fe80::1%eth0", "::/0"),
    *("0.0.0.0/0", "10.0.0.0/99", "aa:bb:cc:dd:ee:ff", "/", "a/b/c", "//", "<script>", "' OR 1=1 --"),
    *("[]" * 50, '{"id": 5}', '{"id": "1", "disk": -7}', '[{"key": 1}]', "[1, 2", '"'),
    *('{"ssh": null}', '{"a": {"b": []}}', '["a", "a", ""]', '{"until": 1e308}', '{"locked": true}', "true", "1"),
)
HUGE = ("x" * LONG, "[" * DEEP, '{"a":' * DEEP, "\U0001f600" * 5_000, "9" * LONG)
NUMBERS: tuple[object, ...] = (0, -1, 1, 2**31, -(2**31), 2**63 - 1, -(2**63), 2**64, 10**30, 0.5, -1e300, 1e308)
JUNK: tuple[object, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, {"a": {"b": [1]}}, "", 7, -1.5, "x")


class Malice:
    """Makes objects; ``victims`` are ids and uids that belong to others."""

    def __init__(self, dice: Random, victims: Sequence[str] = ()) -> None:
        self._dice = dice
        self._victims = tuple(victims) or ("",)
        self._version = 1_000_000

    def manifest(self, kind: Kind[Any], namespace: str) -> Manifest:
        """One of a kind. What only the API server writes is as that does: no two objects have one uid."""
        made = self._struct(shape(kind))
        self._version += 1
        name = self._dice.choice(NAMES)
        metadata: Manifest = {
            "name": name,
            "uid": f"{kind.plural}-{namespace}-{name}-{self._dice.choice('11112')}",
            "resourceVersion": str(self._version),
            "creationTimestamp": self._dice.choice(("2026-11-20T10:00:00Z", "1970-01-01T00:00:00Z")),
            "labels": self._marks(),
            "annotations": self._marks(),
        }
        if namespace:
            metadata["namespace"] = namespace
        if self._dice.random() < 0.3:
            metadata["ownerReferences"] = [self._owner() for _ in range(self._dice.randrange(4))]
        if self._dice.random() < 0.1:
            metadata["deletionTimestamp"] = "2026-11-21T10:00:00Z"
        return {**made, "apiVersion": kind.api_version, "kind": kind.singular, "metadata": metadata}

    def junk(self, kind: Kind[Any]) -> bytes:
        """JSON in which nothing need be as it should, metadata neither; or only nearly JSON."""
        made: object = self._struct(shape(kind))
        if self._dice.random() < 0.1:
            made = self._any()
        found = bytearray(json.dumps(made).encode())
        for _ in range(self._dice.choice((0, 0, 0, 1, 3))):
            found[self._dice.randrange(len(found))] = self._dice.randrange(256)
        return bytes(found)

    def _victim(self) -> str:
        return self._dice.choice(self._victims)

    def _owner(self) -> Manifest:
        kind = self._dice.choice(("VirtualMachine", "VirtualMachineInstance", "DataVolume", ""))
        return {"uid": self._victim(), "kind": kind, "name": self._text(), "controller": self._dice.random() < 0.7}

    def _marks(self) -> dict[str, str]:
        found = {self._mark(): self._text() for _ in range(self._dice.randrange(8))}
        if self._dice.random() < 0.5:
            found[dicot.names.ID] = self._victim()
        return found

    def _mark(self) -> str:
        key = self._dice.choice(OWN)
        return key + self._dice.choice(("x", "default", self._victim())) if key.endswith(("/", "-")) else key

    def _text(self) -> str:
        if self._dice.random() < 0.01:
            return self._dice.choice(HUGE)
        return self._dice.choice((self._dice.choice(TEXTS), self._dice.choice(WORDS), self._victim()))

    def _any(self, depth: int = 0) -> object:
        if depth > 3:
            return self._dice.choice(JUNK)
        ways: tuple[Callable[[], object], ...] = (
            lambda: self._dice.choice(JUNK),
            lambda: self._dice.choice(NUMBERS),
            self._text,
            lambda: [self._any(depth + 1) for _ in range(self._dice.randrange(4))],
            lambda: {self._text()[:50]: self._any(depth + 1) for _ in range(self._dice.randrange(4))},
        )
        return self._dice.choice(ways)()

    def _value(self, type: msgspec.inspect.Type, depth: int) -> object:
        """A value of a type, now and then of another."""
        if self._dice.random() < 0.03:
            return self._any()
        match type:
            case msgspec.inspect.StructType():
                return self._struct(type, depth)
            case msgspec.inspect.DictType():
                many = self._dice.choice((0, 1, 3))
                return {self._key(): self._value(type.value_type, depth + 1) for _ in range(many)}
            case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
                many = self._dice.choice((0, 1, 1, 2, 30 if self._dice.random() < 0.01 else 1))
                return [self._value(type.item_type, depth + 1) for _ in range(many)]
            case msgspec.inspect.UnionType():
                return self._value(self._dice.choice(type.types), depth)
            case msgspec.inspect.StrType():
                return self._text()
            case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
                return self._dice.choice(NUMBERS)
            case msgspec.inspect.BoolType():
                return self._dice.random() < 0.5
            case msgspec.inspect.NoneType():
                return None
            case _:
                return self._any()

    def _key(self) -> str:
        return self._mark() if self._dice.random() < 0.3 else self._text()[:60]

    def _struct(self, type: msgspec.inspect.StructType, depth: int = 0) -> Manifest:
        found = {
            field.encode_name: self._value(field.type, depth + 1)
            for field in type.fields
            if self._dice.random() < 0.85
        }
        if self._dice.random() < 0.05:
            found[self._text()[:60]] = self._any()
        return found


_SHAPES: dict[Kind[Any], msgspec.inspect.StructType] = {}


def shape(kind: Kind[Any]) -> msgspec.inspect.StructType:
    """What msgspec knows of a kind's projection."""
    if kind not in _SHAPES:
        found = msgspec.inspect.type_info(kind.projection)
        assert isinstance(found, msgspec.inspect.StructType)
        _SHAPES[kind] = found
    return _SHAPES[kind]
