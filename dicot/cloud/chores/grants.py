"""Who may clone public images: everybody's accounts, of exactly the claims that images point to."""

from collections.abc import Callable, Iterable

from twisted.logger import Logger

from ...kube.kind import Kind, Manifest, Row
from ...kube.store import Change
from ...names import MANAGED
from ..kinds.access import RBAC, ROLE, ROLE_BINDING, Bare
from ..kinds.storage import DATA_SOURCE, DataSource
from ..writing.cluster import STUMBLES, Cluster

_log = Logger()

NAME = "dicot:clone-public-images"
EVERYBODY = "system:serviceaccounts"
"""The group of all ServiceAccounts: the projects' own, and ``default`` of each namespace, in whose name
virt-controller asks CDI for dataVolumeTemplates."""
_TRUST = 600.0


def claims_of(rows: Iterable[tuple[Row, DataSource]]) -> tuple[str, ...]:
    """The PersistentVolumeClaims that images of one namespace point to, within it."""
    names = {
        body.spec.source.pvc.name
        for row, body in rows
        if body.spec.source.pvc and (body.spec.source.pvc.namespace or row.namespace) == row.namespace
    }
    return tuple(sorted(names - {""}))


def grant(namespace: str, claims: tuple[str, ...]) -> tuple[tuple[Kind[Bare], Manifest], ...]:
    """The Role and its binding. Without a claim there is no rule (null, as the API server shows it).

    An empty resourceNames would mean all.
    """
    rule = {
        "apiGroups": ["cdi.kubevirt.io"],
        "resources": ["datavolumes/source"],
        "resourceNames": list(claims),
        "verbs": ["create"],
    }
    metadata = {"name": NAME, "namespace": namespace, "labels": {MANAGED: "true"}}
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [rule] if claims else None}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": EVERYBODY}],
    }
    return ((ROLE, role), (ROLE_BINDING, binding))


class Grants:
    """The chore of keeping them. What was written is trusted for ten minutes."""

    period = 15.0

    def __init__(self, cluster: Cluster, image_namespaces: Callable[[], Iterable[str]]) -> None:
        self._cluster = cluster
        self._namespaces = image_namespaces
        self._written: dict[str, tuple[str, ...]] = {}
        self._looked = float("-inf")
        self._call: Callable[[], None] = lambda: None
        cluster.stores[DATA_SOURCE].listen(self._moved)

    def wake(self, call: Callable[[], None]) -> None:
        """See Chore."""
        self._call = call

    def recorded(self, namespace: str) -> None:
        """A namespace became one of images, or ceased to be one."""
        self._call()

    async def round(self, may: Callable[[], bool]) -> None:
        """Writes the grants of each namespace whose images point elsewhere now."""
        if self._cluster.now() - self._looked >= _TRUST:
            self._looked = self._cluster.now()
            self._written.clear()
        store = self._cluster.stores[DATA_SOURCE]
        for namespace in self._namespaces():
            claims = claims_of((row, store.read(row)) for row in store.rows(namespace))
            if self._written.get(namespace) == claims:
                continue
            if not may():
                return
            try:
                for kind, body in grant(namespace, claims):
                    await self._cluster.ensure(kind, body)
            except STUMBLES as error:
                _log.warn("images of {namespace} cannot be shared now: {error}", namespace=namespace, error=error)
                continue
            self._written[namespace] = claims

    def _moved(self, changes: tuple[Change, ...]) -> None:
        namespaces = set(self._namespaces())
        if any(row.namespace in namespaces for change in changes for row in (change.old, change.new) if row):
            self._call()
