"""Puts the sandbox together: the API server, and what plugs into it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from dicot.moments import stamp

from .apiserver.admission.accounts import AccountAdmission
from .apiserver.admission.namespaces import NamespaceAdmission
from .apiserver.admission.policies import Policies
from .apiserver.admission.quota import QuotaAdmission, Usage
from .apiserver.admission.storage import StorageAdmission
from .apiserver.asked import User
from .apiserver.audit import Audit, silent
from .apiserver.backend import ApiBackend, Parts
from .apiserver.cel import compiled
from .apiserver.clock import Hands
from .apiserver.controllers.loop import Loop
from .apiserver.controllers.roster import roster
from .apiserver.definitions import Definitions
from .apiserver.desk import PREFIX, Desk
from .apiserver.documents import ServedDocuments
from .apiserver.kinds.table import RULES
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
from .apiserver.switches import Switches
from .apiserver.tables.printed import PrintedTables
from .apiserver.verbs import Verbs
from .apiserver.watching import Watches
from .apiserver.writing import Writer
from .cdi import installed as cdi_installed
from .cdi.admission import CdiAdmission
from .cdi.keys import Keys
from .cdi.uploads import Uploads
from .kubevirt import installed as kubevirt_installed
from .kubevirt import plug as kubevirt
from .settled.waking import Waker

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Those that a cluster has from the start."""
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """The parts that others work with. ``clock`` is the API server's own."""

    backend: ApiBackend
    storage: Storage
    objects: ServedObjects
    watches: Watches
    loop: Loop
    faults: Switches
    clock: Hands


@dataclass(frozen=True, slots=True)
class Secrets:
    """Static tokens with their users, the key that accounts' tokens are signed with, the certificate of the authority
    that clients trust, CDI's keys, and the certificate of those who sign for exports. ``upload_proxy``: the host and
    port that uploads go to."""

    tokens: Mapping[str, User]
    accounts: bytes
    authority: str
    volumes: Keys
    exports: str
    upload_proxy: str


def assembled(
    storage: Storage, secrets: Secrets, programs: kubevirt.Programs, clock: IReactorTime, audit: Audit = silent
) -> Assembled:
    """The API server of a storage. ``clock`` counts seconds since 1970."""
    hands = Hands(clock)
    seconds = hands.seconds
    served, kinds = Served(), Kinds(RULES)
    admissions: list[Admission] = []
    now, uid = (lambda: stamp(seconds())), (lambda: str(uuid4()))
    writer = Writer(storage, served, kinds, admissions, now, uid, random.choice)
    objects = ServedObjects(writer)
    watches = Watches(storage)
    definitions = Definitions(objects, served, now, partial(clock.callLater, 0), lambda *where: watches.stop(where))
    rights = Rights()
    follow(rights, objects)
    credentials = Credentials(secrets.tokens, Signer(secrets.accounts), objects, seconds)
    usage = Usage(objects)
    webhooks = (kubevirt.admission(objects, seconds), CdiAdmission(objects, rights, secrets.volumes.tokens, seconds))
    admissions += [definitions, *_admissions(objects, rights), *webhooks, QuotaAdmission(usage)]
    writer.before_each(Waker(storage, objects, seconds).touch)
    uploads = Uploads(rights, secrets.volumes.tokens, seconds)
    aggregated = (kubevirt.aggregated(objects, served, rights, programs, seconds), uploads)
    authenticator = Authentication(credentials, Impersonation(rights))
    faults = Switches(lambda asking, asked: authenticator.identify(asking.headers, asked), PREFIX, hands)
    parts = Parts(
        authenticator=authenticator,
        authorizer=rights,
        registry=served,
        documents=ServedDocuments(served, aggregated),
        verbs=Verbs(writer, watches, PrintedTables(seconds)),
        posters=Reviews(rights, credentials, seconds).posters(),
        specials=specials(writer),
        aggregated=aggregated,
        pages={PREFIX.strip("/"): Desk(faults, hands).answer},
        audit=audit,
    )
    loop = Loop(objects, roster(objects, served, usage, secrets.authority, seconds, clock.seconds), hands)
    found(objects, definitions)
    kubevirt_installed.install(objects, secrets.exports)
    cdi_installed.install(objects, secrets.volumes, secrets.authority, secrets.upload_proxy)
    return Assembled(ApiBackend(parts), storage, objects, watches, loop, faults, hands)


def _admissions(objects: ServedObjects, rights: Rights) -> Sequence[Admission]:
    """The API server's own; quota, which counts what all others let through, comes last of all."""
    return (
        NamespaceAdmission(objects),
        AccountAdmission(objects),
        StorageAdmission(objects),
        Escalation(rights),
        Policies(objects, compiled),
    )


def found(objects: ServedObjects, definitions: Definitions) -> None:
    """Make what a cluster has from the start, where it is missing."""
    for name in NAMESPACES:
        if objects.get("", "namespaces", "", name) is None:
            objects.create("", "namespaces", {"metadata": {"name": name}})
    definitions.plant()
    for manifest in defaults():
        group, plural = manifest["apiVersion"].rpartition("/")[0], PLURALS[manifest["kind"]]
        metadata = manifest["metadata"]
        if objects.get(group, plural, metadata.get("namespace", ""), metadata["name"]) is None:
            objects.create(group, plural, manifest)
