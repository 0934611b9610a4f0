"""A watched kind, as data. Free of Twisted, so that views may import it."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cached_property
from sys import intern
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec.structs import force_setattr, replace

from .. import names
from ..names import ID, is_hex_id, is_uuid
from .deep import shallow

_OWN = frozenset(key for key in vars(names).values() if isinstance(key, str) and key.startswith(names.PREFIX))
"""Keys that are Dicot's own: those of all objects, nearly."""
_PACK = msgspec.msgpack.Encoder().encode
Manifest = dict[str, Any]
"""A Kubernetes object as decoded JSON."""


class Owner(msgspec.Struct, frozen=True, gc=False):
    """An entry of ``metadata.ownerReferences``."""

    uid: str = ""
    kind: str = ""
    name: str = ""
    controller: bool = False


class Meta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is read of ``metadata``; managedFields is never built. ``Row`` says what of it is kept."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""
    creationTimestamp: str = ""
    deletionTimestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    ownerReferences: tuple[Owner, ...] = ()


class HasMeta(Protocol):
    """A projection: a frozen msgspec Struct with (at least) ``metadata: Meta``."""

    @property
    def metadata(self) -> Meta: ...


P = TypeVar("P", bound=HasMeta)


class Row(msgspec.Struct, gc=False, frozen=True):
    """One object, flat: strings and bytes only, so that the collector has nothing to walk.

    ``id`` is the label ``dicot.io/id`` where it has the shape of an id, else the uid. ``owner`` is the uid of the
    controlling owner or "". ``created`` is metadata.creationTimestamp.
    ``body`` is the projection without what stands here, encoded again.
    """

    namespace: str
    name: str
    uid: str
    version: str
    id: str
    owner: str
    created: str
    body: bytes

    @property
    def place(self) -> str:
        """namespace/name: unique within the kind. Cluster-scoped objects have an empty namespace."""
        return f"{self.namespace}/{self.name}"

    def shows_as(self, other: "Row") -> bool:
        """Whether it differs from another state of the same object in nothing but its version."""
        return self.uid == other.uid and self.id == other.id and self.owner == other.owner and self.body == other.body


def no_links(row: Row, body: Any) -> tuple[str, ...]:
    """Links of a kind that nothing is joined by."""
    return ()


@dataclass(frozen=True, eq=False)
class Kind(Generic[P]):
    """Where a kind lives and what of it is kept. Each is one object, equal to itself alone: dicts find it at once.

    ``links`` gives the keys, each "namespace/value", under which the store indexes a row for joins.
    ``namespace`` and ``name`` narrow the watch to one namespace or one object, ``selector`` to what has those labels:
    an object that has them no longer leaves the store. ``namespaced`` is False for cluster-scoped kinds. ``optional``
    kinds may be absent from a cluster: their store counts as synced and empty while the API server answers 404.
    ``annotations`` names foreign annotations to keep beside ``dicot.io/*``, and ``labels`` foreign labels: all, where
    it is None. Without ``owners`` nothing is kept of them but what ``Row.owner`` says. Where it is not ``labelled``
    nobody knows its objects by an id of Dicot's, but by another object's that has the same label.
    """

    group: str
    version: str
    plural: str
    singular: str
    projection: type[P]
    links: Callable[[Row, P], tuple[str, ...]] = no_links
    namespaced: bool = True
    namespace: str | None = None
    name: str | None = None
    selector: str = ""
    optional: bool = False
    annotations: Container[str] = frozenset()
    labels: Container[str] | None = None
    owners: bool = True
    labelled: bool = True

    @property
    def api_version(self) -> str:
        """group/version as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """plural.group, as RBAC and CRDs name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def read(self, row: Row) -> P:
        """The kept part, decoded again."""
        body = self._unpack(row.body)
        # Nobody else has it yet, and it has a metadata of its own, since one was encoded.
        meta = body.metadata
        force_setattr(meta, "namespace", row.namespace)
        force_setattr(meta, "name", row.name)
        force_setattr(meta, "uid", row.uid)
        force_setattr(meta, "resourceVersion", row.version)
        force_setattr(meta, "creationTimestamp", row.created)
        return body

    @cached_property
    def _unpack(self) -> Callable[[bytes], P]:
        return msgspec.msgpack.Decoder(self.projection).decode

    def row(self, body: P) -> Row:
        """The flat form of an object that was just decoded: what is not to be kept is taken out of it.

        Raises msgspec.ValidationError where a number in it is too large to be kept: JSON has no bounds.
        """
        meta, owner = body.metadata, ""
        for each in meta.ownerReferences:
            if each.controller:
                owner = each.uid
                break
        _prune(meta.annotations, self.annotations)
        if self.labels is not None:
            _prune(meta.labels, self.labels)
        if not self.owners:
            force_setattr(meta, "ownerReferences", ())
        # By position, which takes half the time: this is done for each object of a first list.
        return Row(
            intern(meta.namespace),
            meta.name,
            meta.uid,
            meta.resourceVersion,
            _id(meta) if self.labelled else meta.uid,
            owner,
            meta.creationTimestamp,
            _packed(body),
        )

    def decode(self, raw: bytes) -> Row:
        """An object's JSON as a row. Raises msgspec.DecodeError (ValidationError) for one that does not fit."""
        return self.row(shallow(raw, self.projection))


def exact(written: bytes) -> bytes:
    """The same in no more memory than it needs: msgspec leaves room behind what it has written."""
    return bytes(memoryview(written))


class _Rest(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What of ``Meta`` stands in a body."""

    deletionTimestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    ownerReferences: tuple[Owner, ...] = ()


def _packed(body: Any) -> bytes:
    """The body without what a row says of its metadata. It has that again afterwards: a copy would cost more."""
    meta = body.metadata
    if type(meta) is Meta:
        rest = _Rest(meta.deletionTimestamp, meta.labels, meta.annotations, meta.ownerReferences)
    else:
        rest = replace(meta, namespace="", name="", uid="", resourceVersion="", creationTimestamp="")
    force_setattr(body, "metadata", rest)
    try:
        return exact(_PACK(body))
    except OverflowError as error:
        raise msgspec.ValidationError(str(error)) from None
    finally:
        force_setattr(body, "metadata", meta)


def _prune(notes: dict[str, str], kept: Container[str]) -> None:
    """Take out what is neither Dicot's own nor to be kept."""
    for key in [key for key in notes if key not in _OWN]:
        if not (key.startswith(names.PREFIX) or key in kept):
            del notes[key]


def _id(meta: Meta) -> str:
    label = meta.labels.get(ID, "")
    return label if is_uuid(label) or is_hex_id(label) else meta.uid
