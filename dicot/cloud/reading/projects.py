"""Which namespaces count: by a record in Dicot's own namespace, never by what they say of themselves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from ...kube.deep import shallow
from ...kube.kind import Kind, Meta, Row
from ...kube.store import Change, Store
from ...names import ACCOUNTS_NAMESPACE, DESCRIPTION, DOMAIN, ENABLED, NAME, SYSTEM_NAMESPACE, TAGS, is_hex_id
from ..kinds.identity import NAMESPACE, NAMESPACE_RECORD, NamespaceBody, NamespaceRecord, RecordSpec
from .index import Index

log = Logger()
PROJECT = "project"
IMAGES = "images"
DENIED = frozenset({"default", "openshift", "kubevirt", "cdi", SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE})
DENIED_PREFIXES = ("kube-", "openshift-")
# Keystone's own limits (keystone/resource/schema.py, keystone/common/validation/parameter_types.py).
_LONGEST_NAME = 64
_LONGEST_TAG = 255
_MOST_TAGS = 80
_LONGEST_DESCRIPTION = 65535


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """A project: a recorded Namespace and what its annotations say. ``created`` is its creationTimestamp."""

    id: str
    name: str
    namespace: str
    domain: str
    description: str
    enabled: bool
    tags: tuple[str, ...]
    created: str


@dataclass(frozen=True, slots=True)
class _Record:
    """A record, with the place and time of its object."""

    place: str
    created: str
    spec: RecordSpec


class Projects:
    """The directory of recorded namespaces, kept by the stores of Namespaces and of records."""

    def __init__(self, stores: Mapping[Kind[Any], Store[Any]]) -> None:
        self._namespaces: Store[NamespaceBody] = stores[NAMESPACE]
        self._store: Store[NamespaceRecord] = stores[NAMESPACE_RECORD]
        self._records: dict[str, _Record] = {}
        self._by_namespace = Index()
        self._by_id = Index()
        self._projects: dict[str, ProjectFacts] = {}
        self._ids: dict[str, str] = {}
        self._images: dict[str, None] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._refused: dict[str, str] = {}
        self._is_known = False
        self._note([Change(NAMESPACE_RECORD, None, row) for row in self._store.rows()])
        self._store.listen(self._note)
        self._namespaces.listen(self._judge_changed)
        self.synced().addCallback(self._tell)

    def synced(self) -> Deferred[None]:
        """Fires once Namespaces and records are both known."""
        return gatherResults([self._namespaces.synced(), self._store.synced()]).addCallback(lambda _: None)

    def of(self, namespace: str) -> str:
        """The project id of a namespace, "" where it is no project."""
        found = self._projects.get(namespace)
        return found.id if found else ""

    def namespace(self, id: str) -> str:
        """The namespace of a project id, "" where there is no such project."""
        return self._ids.get(id, "")

    def project(self, id: str) -> ProjectFacts | None:
        """A project by id."""
        return self._projects.get(self.namespace(id))

    def all(self) -> Iterable[ProjectFacts]:
        """Every project, as they are now."""
        return tuple(self._projects.values())

    def namespaces(self) -> Mapping[str, str]:
        """The namespace of every project, by project id."""
        return self._ids

    def image_namespaces(self) -> tuple[str, ...]:
        """The namespaces whose images everybody sees."""
        return tuple(self._images)

    def is_image_namespace(self, namespace: str) -> bool:
        """Whether everybody sees the images of a namespace."""
        return namespace in self._images

    def refused(self) -> Mapping[str, str]:
        """Records that do not count, by name, and why."""
        return self._refused

    def listen(self, listener: Callable[[str], None]) -> None:
        """Tell a listener of each namespace whose project came, went or changed."""
        self._listeners.append(listener)

    def _note(self, changes: Iterable[Change]) -> None:
        """Records came or went: judge their namespaces, and those of records with the same id."""
        touched: list[str] = []
        for change in changes:
            if change.old is not None:
                touched += self._take_out(change.old)
            if change.new is not None:
                touched += self._take_in(change.new)
        self._judge(dict.fromkeys(touched))

    def _take_in(self, row: Row) -> list[str]:
        record = _Record(row.place, row.created, self._store.read(row).spec)
        self._records[record.place] = record
        self._by_namespace.add(record.spec.namespace, record.place)
        self._by_id.add(record.spec.id, record.place)
        return self._rivals(record)

    def _take_out(self, row: Row) -> list[str]:
        record = self._records[row.place]
        touched = self._rivals(record)
        self._by_namespace.remove(record.spec.namespace, record.place)
        self._by_id.remove(record.spec.id, record.place)
        del self._records[row.place]
        self._refused.pop(row.name, None)
        return touched

    def _judge_changed(self, changes: Iterable[Change]) -> None:
        """Namespaces came, went or changed: judge them, and those that claim the same ids."""
        touched: list[str] = []
        for change in changes:
            row = change.new or change.old
            if row is not None:
                for place in self._by_namespace.find(row.name):
                    touched += self._rivals(self._records[place])
        self._judge(dict.fromkeys(touched))

    def _rivals(self, record: _Record) -> list[str]:
        """The record's namespace, and those of the records with its id."""
        others = self._by_id.find(record.spec.id) if record.spec.id else ()
        return [record.spec.namespace, *(self._records[place].spec.namespace for place in others)]

    def _judge(self, namespaces: Iterable[str]) -> None:
        """Find out anew what namespaces are; those told of that are something else now."""
        changed = []
        for namespace in namespaces:
            before = (self._projects.get(namespace), namespace in self._images)
            self._forget(namespace)
            record = self._record_of(namespace)
            row = self._namespaces.one("", namespace)
            if record is not None and row is not None:
                if record.spec.role == IMAGES:
                    self._images[namespace] = None
                else:
                    self._projects[namespace] = _facts(record.spec.id, row, self._namespaces.read(row).metadata)
                    self._ids[record.spec.id] = namespace
            if before != (self._projects.get(namespace), namespace in self._images):
                changed.append(namespace)
        for namespace in changed:
            for listener in self._listeners:
                listener(namespace)

    def _forget(self, namespace: str) -> None:
        self._images.pop(namespace, None)
        project = self._projects.pop(namespace, None)
        if project is not None and self._ids.get(project.id) == namespace:
            del self._ids[project.id]

    def _record_of(self, namespace: str) -> _Record | None:
        """The record by which a namespace counts."""
        records = [self._records[place] for place in self._by_namespace.find(namespace)]
        counting = None
        for record in sorted(records, key=_age):
            problem = self._problem(record) or self._usurps(record)
            if not problem and counting is not None:
                problem = f"namespace {namespace} has an older record"
            if not problem:
                counting = record
            self._report(record, problem)
        return counting

    def _problem(self, record: _Record) -> str:
        """Why a record does not count, taken by itself; "" where it does."""
        spec = record.spec
        row = self._namespaces.one("", spec.namespace)
        if spec.namespace in DENIED or spec.namespace.startswith(DENIED_PREFIXES):
            return f"namespace {spec.namespace} belongs to the system"
        if row is None or row.uid != spec.uid:
            return f"no namespace {spec.namespace} with uid {spec.uid}"
        if spec.role not in (PROJECT, IMAGES):
            return f"unknown role {spec.role}"
        if spec.role == PROJECT and not is_hex_id(spec.id):
            return "a project's id is 32 hex digits"
        return ""

    def _usurps(self, record: _Record) -> str:
        """Why a record may not have its id; "" where it may. The oldest that counts has it."""
        if record.spec.role == PROJECT:
            for place in self._by_id.find(record.spec.id):
                other = self._records[place]
                if _age(other) < _age(record) and other.spec.role == PROJECT and not self._problem(other):
                    return f"id {record.spec.id} belongs to namespace {other.spec.namespace}"
        return ""

    def _report(self, record: _Record, problem: str) -> None:
        name = record.place.rpartition("/")[2]
        if not problem:
            self._refused.pop(name, None)
        elif self._refused.get(name) != problem:
            self._refused[name] = problem
            if self._is_known:
                _complain(name, problem)

    def _tell(self, _: None) -> None:
        """What is wrong with records can be said once their namespaces are known too."""
        self._is_known = True
        for name, problem in self._refused.items():
            _complain(name, problem)


def _complain(name: str, problem: str) -> None:
    log.warn("namespace record {name} is ignored: {problem}", name=name, problem=problem)


def _age(record: _Record) -> tuple[str, str]:
    return (record.created, record.place)


def _facts(id: str, row: Row, meta: Meta) -> ProjectFacts:
    """What a Namespace says of its project. Whoever may write annotations may write anything into them."""
    notes = meta.annotations
    domain = meta.labels.get(DOMAIN) or notes.get(DOMAIN, "")
    return ProjectFacts(
        id=id,
        name=notes.get(NAME, "")[:_LONGEST_NAME] or row.name,
        namespace=row.name,
        domain=domain if is_hex_id(domain) else "default",
        description=notes.get(DESCRIPTION, "")[:_LONGEST_DESCRIPTION],
        enabled=notes.get(ENABLED, "").strip().lower() in ("", "true"),
        tags=_tags(notes.get(TAGS, "")),
        created=row.created,
    )


def _tags(text: str) -> tuple[str, ...]:
    """Keystone's tags: at most 80, without slash and comma, each once."""
    try:
        tags = shallow(text, list[str]) if text else []
    except msgspec.DecodeError:
        return ()
    fit = [tag for tag in tags if 0 < len(tag) <= _LONGEST_TAG and "/" not in tag and "," not in tag]
    return tuple(dict.fromkeys(fit))[:_MOST_TAGS]
