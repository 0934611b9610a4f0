"""What CDI's controllers see of the cluster, and what follows from it for each object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Change, Store

from ..controller import Key
from ..snapshots.kinds import SNAPSHOT_CLASSES, SNAPSHOTS, Snapshot, snapshot_link
from ..steps import REST, Decision
from . import cloning, importing, making, receiving, settings, sources, volume, workers
from .keys import Keys
from .kinds.claims import CLAIMS, PODS, SECRETS, SERVICES, Claim, Pod
from .kinds.classes import CDIS, CLASSES, CONFIGS, PROFILES, Cdi
from .kinds.parts import ClaimReference, link, source_link, worker_link
from .kinds.populators import IMPORT_SOURCES, UPLOAD_SOURCES
from .kinds.transfers import DISKS, TRANSFERS
from .kinds.volumes import SOURCES, VOLUMES, WAITING, Source, Volume
from .names import CLONE_REQUEST, CONFIG, CONFIG_AUTHORITY, TARGET, UPLOAD_POD, joined, service, temporary
from .populating import Populators
from .status import Work
from .storage import Storage
from .transfers.world import Transfers

_CONFIG = Key(CONFIGS, "", CONFIG)


class CdiWorld:
    """The stores, joined."""

    def __init__(self, keys: Keys) -> None:
        self.volumes: Store[Any] = Store(VOLUMES)
        self.claims: Store[Any] = Store(CLAIMS)
        self.pods: Store[Any] = Store(PODS)
        self.services: Store[Any] = Store(SERVICES)
        self.secrets: Store[Any] = Store(SECRETS)
        self.sources: Store[Any] = Store(SOURCES)
        self.classes: Store[Any] = Store(CLASSES)
        self.profiles: Store[Any] = Store(PROFILES)
        self.configs: Store[Any] = Store(CONFIGS)
        self.cdis: Store[Any] = Store(CDIS)
        self.disks: Store[Any] = Store(DISKS)
        self.transfers: Store[Any] = Store(TRANSFERS)
        self.snapshots: Store[Any] = Store(SNAPSHOTS)
        self.snapshot_classes: Store[Any] = Store(SNAPSHOT_CLASSES)
        self.imports: Store[Any] = Store(IMPORT_SOURCES)
        self.uploads: Store[Any] = Store(UPLOAD_SOURCES)
        self._populators = Populators(self.claims, self.disks, self.classes, self.imports, self.uploads)
        self._moves = Transfers(self.volumes, self.claims, self.pods, self.disks, self.transfers)
        self._keys = keys
        self._storage: Storage | None = None

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        own = (self.volumes, self.sources, self.profiles, self.configs, self.cdis, self.transfers)
        seen = (self.claims, self.pods, self.services, self.secrets, self.disks, self.classes)
        return (*own, *seen, self.snapshots, self.snapshot_classes, self.imports, self.uploads)

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again."""
        row = change.new or change.old
        if row is None:
            return
        if change.kind in (CLASSES, PROFILES, CONFIGS):
            self._storage = None
        for each in (change.old, change.new):
            if each is not None:
                yield from self._concerned(change.kind, each)
                yield from self._moves.concerned(change.kind, each)
                yield from self._populators.concerned(change.kind, each)

    def everything(self) -> list[Key]:
        """All objects that there are, and the one that there must be."""
        decided = (VOLUMES, CLAIMS, SOURCES, CLASSES, TRANSFERS)
        rows = [(store.kind, row) for store in self.stores if store.kind in decided for row in store.rows()]
        profiles = [Key(CLASSES, "", row.name) for row in self.profiles.rows()]
        return [_CONFIG, *profiles, *(Key(kind, row.namespace, row.name) for kind, row in rows)]

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        if key.kind is CLASSES:
            found, profile = self._one(self.classes, "", key.name), self._one(self.profiles, "", key.name)
            snapshots = [SNAPSHOT_CLASSES.read(row) for row in self.snapshot_classes.rows()]
            return settings.decide_profile(key.name, found, profile, snapshots, now)
        if key.kind is CONFIGS:
            config = self._one(self.configs, "", CONFIG)
            return settings.decide_config(config, self._wished(), [row.name for row in self.classes.rows()])
        if key.kind is VOLUMES:
            return self._decide_volume(key, now)
        if key.kind is SOURCES:
            return self._decide_source(key, now)
        if key.kind is TRANSFERS:
            return self._moves.decide(key.name, now)
        return self._decide_claim(key, now) if key.kind is CLAIMS else REST

    def _concerned(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """What an object means something to."""
        if kind is CDIS:
            yield _CONFIG
        elif kind is VOLUMES:
            yield Key(VOLUMES, row.namespace, row.name)
            yield from self._linked(self.claims, link(row.namespace, row.name))
            yield from self._linked(self.sources, link(row.namespace, row.name))
        elif kind is CLAIMS:
            yield Key(CLAIMS, row.namespace, row.name)
            yield Key(VOLUMES, row.namespace, row.name)
            for store in (self.claims, self.sources, self.volumes):
                yield from self._linked(store, link(row.namespace, row.name))
            yield from self._by_sources(link(row.namespace, row.name))
        elif kind is PODS:
            yield from self._worked_for(row)
        elif kind is SECRETS:
            pod = self.pods.one(row.namespace, row.name)
            yield from self._worked_for(pod) if pod is not None else ()
        elif kind is SERVICES:
            yield from (Key(CLAIMS, owner.namespace, owner.name) for owner in self._owners(row))
        elif kind is SOURCES:
            yield Key(SOURCES, row.namespace, row.name)
            for store in (self.sources, self.volumes):
                yield from self._linked(store, source_link(row.namespace, row.name))
        elif kind is SNAPSHOTS:
            for store in (self.sources, self.volumes):
                yield from self._linked(store, snapshot_link(row.namespace, row.name))
            yield from self._by_sources(snapshot_link(row.namespace, row.name))
        elif kind is SNAPSHOT_CLASSES:
            yield from (Key(CLASSES, "", each.name) for each in self.classes.rows())
        elif kind in (CLASSES, PROFILES, CONFIGS):
            yield _CONFIG
            if kind is not CONFIGS:
                yield Key(CLASSES, "", row.name)
            yield from self._linked(self.volumes, WAITING)

    def _linked(self, store: Store[Any], to: str) -> Iterable[Key]:
        return [Key(store.kind, row.namespace, row.name) for row in store.linked(to)]

    def _by_sources(self, to: str) -> Iterator[Key]:
        """Volumes that are made from what DataSources name."""
        for row in self.sources.linked(to):
            yield from self._linked(self.volumes, source_link(row.namespace, row.name))

    def _owners(self, row: Row) -> Iterator[Row]:
        """The claim that controls an object."""
        for owner in self._metadata(row).ownerReferences:
            found = self.claims.one(row.namespace, owner.name) if owner.controller else None
            if found is not None and found.uid == owner.uid:
                yield found

    def _metadata(self, row: Row) -> Any:
        return SERVICES.read(row).metadata

    def _worked_for(self, row: Row) -> Iterator[Key]:
        yield from (Key(CLAIMS, owner.namespace, owner.name) for owner in self._owners(row))
        target = PODS.read(row).metadata.annotations.get(TARGET, "")
        namespace, _, name = target.partition("/")
        if name:
            yield Key(CLAIMS, namespace, name)

    def _one(self, store: Store[Any], namespace: str, name: str) -> Any:
        row = store.one(namespace, name)
        return store.read(row) if row is not None else None

    def _wished(self) -> Manifest | None:
        """What CDI's own object says of its configuration; None where it has no say in it."""
        found: Cdi | None = next((CDIS.read(row) for row in self.cdis.rows()), None)
        if found is None or CONFIG_AUTHORITY not in found.metadata.annotations:
            return None
        return found.spec.config

    def _known(self) -> Storage:
        if self._storage is None:
            classes = {row.name: CLASSES.read(row) for row in self.classes.rows()}
            profiles = {row.name: PROFILES.read(row) for row in self.profiles.rows()}
            self._storage = Storage(classes, profiles, self._one(self.configs, "", CONFIG))
        return self._storage

    def _decide_volume(self, key: Key, now: float) -> Decision:
        found: Volume | None = self._one(self.volumes, key.namespace, key.name)
        if found is None:
            return REST
        work, hints = self._work(found)
        source = work.source if work is not None else None
        claim: Claim | None = None
        if source is not None:
            claim = self._one(self.claims, source.namespace or key.namespace, source.name)
        own: Claim | None = self._one(self.claims, key.namespace, key.name)
        photo = self._photo(work.snapshot, key.namespace) if work is not None else None
        if photo is not None and not hints:
            hints = photo.metadata.labels
        elif found.spec.sourceRef is None:
            hinted = claim if source is not None else own if _is_registry(found) else None
            hints = hinted.metadata.labels if hinted is not None else {}
        near = self._class_of(photo)
        scene = making.Scene(found, own, work, claim, photo, near, hints, self._known(), self._keys.tokens, now)
        return volume.decide(scene)

    def _photo(self, named: ClaimReference | None, namespace: str) -> Snapshot | None:
        if named is None:
            return None
        found: Snapshot | None = self._one(self.snapshots, named.namespace or namespace, named.name)
        return found

    def _class_of(self, photo: Snapshot | None) -> str:
        """A storage class of the driver that a snapshot was taken by."""
        name = photo.spec.volumeSnapshotClassName if photo is not None else None
        row = self.snapshot_classes.one("", name) if name is not None else None
        driver = SNAPSHOT_CLASSES.read(row).driver if row is not None else ""
        found = (row.name for row in self.classes.rows() if CLASSES.read(row).provisioner == driver)
        return min(found, default="")

    def _work(self, found: Volume) -> tuple[Work | None, Mapping[str, str]]:
        """How a volume is filled, and the labels of the DataSource that it is made from."""
        reference, source = found.spec.sourceRef, found.spec.source
        if reference is not None:
            namespace = reference.namespace or found.metadata.namespace
            named: Source | None = self._one(self.sources, namespace, reference.name)
            if named is None:
                return None, {}
            meant = sources.meant(named, self._named(named))
            labels = named.metadata.labels if reference.namespace is not None else {}
            if meant.pvc is not None:
                at = meant.pvc.namespace or named.metadata.namespace
                return Work(ClaimReference(meant.pvc.name, at)), labels
            if meant.snapshot is not None:
                at = meant.snapshot.namespace or named.metadata.namespace
                return _of_snapshot(found, ClaimReference(meant.snapshot.name, at)), labels
            return None, {}
        if source is None:
            return None, {}
        if source.pvc is not None:
            return Work(source.pvc), {}
        if source.snapshot is not None:
            return _of_snapshot(found, source.snapshot), {}
        filled = (source.http, source.registry, source.blank, source.upload)
        return (
            Work(None, uploads=source.upload is not None) if any(each is not None for each in filled) else None
        ), {}

    def _named(self, source: Source) -> Source | None:
        reference = source.spec.source.dataSource
        if reference is None:
            return None
        named: Source | None = self._one(self.sources, source.metadata.namespace, reference.name)
        return named

    def _decide_source(self, key: Key, now: float) -> Decision:
        found: Source | None = self._one(self.sources, key.namespace, key.name)
        if found is None:
            return REST
        named = self._named(found)
        meant = sources.meant(found, named)
        claim = meant.pvc
        if claim is None:
            photo = self._photo(meant.snapshot, key.namespace)
            return sources.decide(sources.Scene(found, named, None, None, photo, now))
        at = (claim.namespace or key.namespace, claim.name)
        return sources.decide(
            sources.Scene(found, named, self._one(self.claims, *at), self._one(self.volumes, *at), None, now)
        )

    def _decide_claim(self, key: Key, now: float) -> Decision:
        claim: Claim | None = self._one(self.claims, key.namespace, key.name)
        if claim is None:
            return REST
        populated = self._populators.decide(claim, self._known().config, now)
        if populated != REST:
            return populated
        source = claim.metadata.annotations.get(CLONE_REQUEST, "").partition("/")
        other = self._one(self.claims, source[0], source[2]) if source[2] else None
        server = claim.metadata.annotations.get(UPLOAD_POD) or joined("cdi-upload", key.name)
        scene = workers.Scene(
            claim=claim,
            workers=self._pods(worker_link(claim.metadata.uid)),
            users=self._pods(link(key.namespace, key.name)),
            scratch=self._one(self.claims, key.namespace, joined(key.name, "scratch")),
            service=self._one(self.services, key.namespace, service(server)),
            secret=self._one(self.secrets, key.namespace, server),
            source=other,
            source_filled=other is not None and self._is_filled(other),
            source_users=self._pods(link(source[0], source[2])) if other is not None else (),
            storage=self._known(),
            keys=self._keys,
            now=now,
        )
        decisions = (controller.decide(scene) for controller in (importing, receiving, cloning))
        return next((decision for decision in decisions if decision != REST), REST)

    def _pods(self, to: str) -> tuple[Pod, ...]:
        return tuple(PODS.read(row) for row in self.pods.linked(to))

    def _is_filled(self, claim: Claim) -> bool:
        """Whether a claim holds what it shall: one that belongs to no volume does."""
        owner = next((each for each in claim.metadata.ownerReferences if each.controller), None)
        if owner is None or owner.kind != "DataVolume":
            return True
        found: Volume | None = self._one(self.volumes, claim.metadata.namespace, owner.name)
        return found is not None and found.status.phase == "Succeeded"


def _of_snapshot(found: Volume, named: ClaimReference) -> Work:
    """A clone of the claim that a snapshot is put into."""
    at = named.namespace or found.metadata.namespace
    return Work(ClaimReference(temporary(found.metadata.uid), at), ClaimReference(named.name, at))


def _is_registry(found: Volume) -> bool:
    return found.spec.source is not None and found.spec.source.registry is not None
