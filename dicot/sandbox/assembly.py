"""Puts the sandbox together: the API server, and what plugs into it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from dicot.moments import stamp

from .apiserver.admission.namespaces import NamespaceAdmission
from .apiserver.admission.quota import QuotaAdmission, Usage
from .apiserver.admission.storage import StorageAdmission
from .apiserver.asked import User
from .apiserver.backend import ApiBackend, Parts
from .apiserver.firsttable import FirstTable
from .apiserver.objects import ServedObjects
from .apiserver.registry import Served
from .apiserver.rights.authentication import Authentication
from .apiserver.rights.credentials import Credentials
from .apiserver.rights.defaults import defaults
from .apiserver.rights.escalation import Escalation
from .apiserver.rights.impersonation import Impersonation
from .apiserver.rights.rbac import Rights, follow
from .apiserver.rights.reviews import Reviews
from .apiserver.rights.tokens import Signer
from .apiserver.schemas import Kinds
from .apiserver.seams import Admission
from .apiserver.specials import specials
from .apiserver.storage import Storage
from .apiserver.verbs import Verbs
from .apiserver.watching import Watches
from .apiserver.writing import Writer
from .facts import definitions

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Those that a cluster has from the start."""
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """The parts that others work with."""

    backend: ApiBackend
    storage: Storage
    objects: ServedObjects
    watches: Watches


def assembled(
    storage: Storage, tokens: Mapping[str, User], accounts_key: bytes, seconds: Callable[[], float]
) -> Assembled:
    """The API server of a storage. ``seconds`` is the time since 1970."""
    served, kinds = Served(), Kinds({})
    table = FirstTable(served)
    admissions: list[Admission] = []
    now, uid = (lambda: stamp(seconds())), (lambda: str(uuid4()))
    writer = Writer(storage, served, kinds, admissions, now, uid, random.choice)
    objects = ServedObjects(writer)
    table.follow(objects)
    rights = Rights()
    follow(rights, objects)
    credentials = Credentials(tokens, Signer(accounts_key), objects, seconds)
    usage = Usage(objects)
    admissions += _admissions(objects, rights, usage)
    watches = Watches(storage)
    parts = Parts(
        authenticator=Authentication(credentials, Impersonation(rights)),
        authorizer=rights,
        registry=served,
        documents=table,
        verbs=Verbs(writer, watches, table),
        posters=Reviews(rights, credentials, seconds).posters(),
        specials=specials(writer),
        aggregated=(),
    )
    found(objects)
    return Assembled(ApiBackend(parts), storage, objects, watches)


def _admissions(objects: ServedObjects, rights: Rights, usage: Usage) -> Sequence[Admission]:
    return (NamespaceAdmission(objects), StorageAdmission(objects), Escalation(rights), QuotaAdmission(usage))


def found(objects: ServedObjects) -> None:
    """Make what a cluster has from the start, where it is missing."""
    for name in NAMESPACES:
        if objects.get("", "namespaces", "", name) is None:
            objects.create("", "namespaces", {"metadata": {"name": name}})
    for definition in definitions():
        if objects.get(*DEFINITIONS, "", definition["metadata"]["name"]) is None:
            objects.create(*DEFINITIONS, definition)
    for manifest in defaults():
        group, plural = manifest["apiVersion"].rpartition("/")[0], PLURALS[manifest["kind"]]
        metadata = manifest["metadata"]
        if objects.get(group, plural, metadata.get("namespace", ""), metadata["name"]) is None:
            objects.create(group, plural, manifest)
