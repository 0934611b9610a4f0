"""Making a namespace count: as a project with its accounts, or as a place of public images."""

from collections.abc import Mapping
from dataclasses import dataclass

from twisted.logger import Logger

from ...faults import BadRequest, Conflict, NotFound
from ...kube.kind import Manifest, Row
from ...kube.media import MERGE
from ...names import (
    ACCOUNTS_NAMESPACE,
    DESCRIPTION,
    DOMAIN,
    ID,
    MANAGED,
    NAME,
    PROJECT,
    SYSTEM_NAMESPACE,
    account_name,
    derived,
    is_hex_id,
    is_uuid,
    object_name,
    undashed,
)
from ..kinds.access import RBAC, ROLE_BINDING, SERVICE_ACCOUNT
from ..kinds.identity import NAMESPACE, NAMESPACE_RECORD
from ..kinds.network import SECURITY_GROUP
from ..plan import Create, Delete, Patch
from ..reading.projects import DENIED, DENIED_PREFIXES, IMAGES
from ..resource import Right
from ..writing.cluster import Cluster
from ..writing.errand import Errand
from .access import Question, known
from .calls import ROLES

_log = Logger()

_WHOLE = 30.0
_ECHO = 2.0


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project to be made. Without ``namespace`` its name is made of the project's name and id."""

    id: str
    name: str
    description: str = ""
    domain: str = "default"
    namespace: str = ""


class Bootstrap:
    """Every step finds its own work done: one that was broken off is done again from the start.

    ``rights`` are those of reader, member, manager and admin, by which is seen that their bindings work.
    """

    def __init__(self, cluster: Cluster, rights: Mapping[str, tuple[Right, ...]]) -> None:
        self._cluster = cluster
        self._rights = rights

    async def project(self, wanted: NewProject) -> str:
        """A project in a namespace of its own, whose name is returned. Raises Conflict for a foreign namespace."""
        name = wanted.namespace or object_name(wanted.name, wanted.id)
        _check(name)
        errand = self._errand()
        row = await self._namespace(errand, namespace(name, wanted))
        if undashed(row.id) != wanted.id:
            raise Conflict(f"Namespace {name} exists and is not of this project.")
        await self._furnish(errand, row, wanted.id)
        return name

    async def adopt(self, name: str) -> str:
        """Makes a namespace that exists a project; its id is that on its label, else its uid. Returns the id."""
        _check(name)
        errand = self._errand()
        row = await self._standing(name)
        id = _own_id(row)
        await self._refuse_foreign(id, name)
        labels = {ID: id, PROJECT: "true", MANAGED: "true"}
        row = await errand.patch(Patch(NAMESPACE, "", name, {"metadata": {"labels": labels}}, own=True))
        await self._furnish(errand, row, id)
        return id

    async def images(self, name: str) -> None:
        """Makes a namespace one whose images everybody sees."""
        _check(name)
        errand = self._errand()
        body: Manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {MANAGED: "true"}},
        }
        row = await self._cluster.live(NAMESPACE, "", name)
        if row is None:
            row = await errand.create(Create(NAMESPACE, body, own=True))
        else:
            row = await errand.patch(
                Patch(NAMESPACE, "", name, {"metadata": body["metadata"]}, media=MERGE, own=True)
            )
        await self._record(errand, row, record(row, _own_id(row), IMAGES))
        await errand.echo(_ECHO)

    async def _furnish(self, errand: Errand, row: Row, id: str) -> None:
        """What every project has: its record, accounts with their bindings, and the security group ``default``."""
        await self._record(errand, row, record(row, id))
        for role in ROLES:
            await self._cluster.ensure(SERVICE_ACCOUNT, account(id, role))
            await self._cluster.ensure(ROLE_BINDING, binding(row.name, id, role))
        questions = [
            Question(ACCOUNTS_NAMESPACE, account_name(id, role), self._rights[role][0], row.name)
            for role in ROLES
            if self._rights.get(role)
        ]
        if not await known(self._cluster, questions):
            _log.warn("the accounts of {project} have no rights yet", project=id)
        group = security_group(row.name, id)
        if await self._cluster.live(SECURITY_GROUP, row.name, group["metadata"]["name"]) is None:
            await errand.create(Create(SECURITY_GROUP, group, own=True))
        await errand.echo(_ECHO)

    async def _record(self, errand: Errand, row: Row, body: Manifest) -> None:
        """Records never change: one of a namespace that was restored (another uid) gives way to a new one."""
        name = body["metadata"]["name"]
        found = await self._cluster.live(NAMESPACE_RECORD, SYSTEM_NAMESPACE, name)
        if found is not None and NAMESPACE_RECORD.read(found).spec.uid == row.uid:
            return
        if found is not None:
            await errand.delete(Delete(NAMESPACE_RECORD, SYSTEM_NAMESPACE, name, found.uid, own=True))
        await errand.create(Create(NAMESPACE_RECORD, body, own=True))

    async def _namespace(self, errand: Errand, body: Manifest) -> Row:
        row = await self._cluster.live(NAMESPACE, "", body["metadata"]["name"])
        return row or await errand.create(Create(NAMESPACE, body, own=True))

    async def _standing(self, name: str) -> Row:
        row = await self._cluster.live(NAMESPACE, "", name)
        if row is None:
            raise NotFound(f"Namespace {name} could not be found.")
        return row

    async def _refuse_foreign(self, id: str, name: str) -> None:
        """A label may be forged: an id that another namespace is recorded with is that one's."""
        row = await self._cluster.live(NAMESPACE_RECORD, SYSTEM_NAMESPACE, record_name(id))
        if row is not None and NAMESPACE_RECORD.read(row).spec.namespace != name:
            raise Conflict(f"Namespace {name} carries the id of another project.")

    def _errand(self) -> Errand:
        return Errand(self._cluster, lambda _: None, self._cluster.now() + _WHOLE)


def namespace(name: str, wanted: NewProject) -> Manifest:
    """A project's Namespace."""
    labels = {ID: wanted.id, PROJECT: "true", MANAGED: "true"}
    if wanted.domain != "default":
        labels[DOMAIN] = wanted.domain
    annotations = {NAME: wanted.name, **({DESCRIPTION: wanted.description} if wanted.description else {})}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def record_name(id: str, role: str = "project") -> str:
    """The name of the record by which a namespace counts."""
    return f"{role}-{id}"


def record(row: Row, id: str, role: str = "project") -> Manifest:
    """The record of a namespace: it pins the uid."""
    return {
        "apiVersion": NAMESPACE_RECORD.api_version,
        "kind": NAMESPACE_RECORD.singular,
        "metadata": {"name": record_name(id, role), "namespace": SYSTEM_NAMESPACE, "labels": {ID: id}},
        "spec": {"formatVersion": 1, "namespace": row.name, "uid": row.uid, "id": id, "role": role},
    }


def account(id: str, role: str) -> Manifest:
    """One of a project's accounts, where no tenant has any right."""
    metadata = {
        "name": account_name(id, role),
        "namespace": ACCOUNTS_NAMESPACE,
        "labels": {PROJECT: id, MANAGED: "true"},
    }
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def binding(name: str, id: str, role: str) -> Manifest:
    """What an account may do in the project's namespace, and nowhere else."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"dicot:{role}", "namespace": name, "labels": {PROJECT: id, MANAGED: "true"}},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": f"dicot:{role}"},
        "subjects": [{"kind": "ServiceAccount", "name": account_name(id, role), "namespace": ACCOUNTS_NAMESPACE}],
    }


def security_group(name: str, project: str) -> Manifest:
    """The group ``default``, as Neutron makes it (neutron/db/securitygroups_db.py).

    Everything may leave, and what comes from its own members may enter.
    """
    id = derived("security-group", project)
    rules = [
        {"id": derived("rule", id, direction, family), "direction": direction, "etherType": family, **remote}
        for direction, remote in (("egress", {}), ("ingress", {"remoteGroupId": id}))
        for family in ("IPv4", "IPv6")
    ]
    return {
        "apiVersion": SECURITY_GROUP.api_version,
        "kind": SECURITY_GROUP.singular,
        "metadata": {"name": object_name("default", id), "namespace": name, "labels": {ID: id}},
        "spec": {
            "formatVersion": 1,
            "name": "default",
            "description": "Default security group",
            "stateful": True,
            "rules": rules,
        },
    }


def _own_id(row: Row) -> str:
    """The id of a namespace as projects have it: 32 hex digits."""
    return undashed(row.id) if is_uuid(row.id) or is_hex_id(row.id) else undashed(row.uid)


def _check(name: str) -> None:
    if name in DENIED or name.startswith(DENIED_PREFIXES):
        raise BadRequest(f"Namespace {name} belongs to the system.")
