"""Subresources that do something of their own: the end of namespaces, and Pods that get a node."""

from collections.abc import Mapping

from dicot.kube.kind import Manifest

from . import bodies, shape
from .asking import Asking, Reply, document, raw
from .backend import Special
from .query import WriteQuery
from .refusals import bad_request, conflict, not_allowed, not_found
from .resource import Resource
from .route import Route
from .writing import Write, Writer, named

_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class Finalize:
    """PUT /api/v1/namespaces/NAME/finalize (kubernetes, pkg/registry/core/namespace)."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def answer(self, asking: Asking, route: Route, resource: Resource) -> Reply:
        """The namespace with other finalizers, or as it was when the last of them went."""
        if route.verb != "update":
            raise not_allowed()
        write = _write(asking, route, resource, "UpdateOptions")
        sent = bodies.sent(resource, asking.media, asking.body)
        named(write, sent)
        old = self._writer.read(write)
        if old is None:
            raise not_found(resource, route.name)
        spec = {**old.get("spec", {}), "finalizers": sent.get("spec", {}).get("finalizers", [])}
        if not spec["finalizers"]:
            del spec["finalizers"]
        version = sent["metadata"].get("resourceVersion") or old["metadata"]["resourceVersion"]
        new = {**old, "spec": spec, "metadata": {**old["metadata"], "resourceVersion": version}}
        return raw(200, shape.alone(resource, self._writer.change(write, new, old).body))


class Binding:
    """POST /api/v1/namespaces/NAMESPACE/pods/NAME/binding (kubernetes, pkg/registry/core/pod/storage)."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def answer(self, asking: Asking, route: Route, resource: Resource) -> Reply:
        """A Status."""
        if route.verb != "create":
            raise not_allowed()
        write = _write(asking, route, resource, "CreateOptions")
        binding = bodies.options(asking.media, asking.body)
        if (binding.get("metadata") or {}).get("name", "") != route.name:
            raise bad_request("name in URL does not match name in Binding object")
        old, new = self._writer.read(write), self._writer.read(write)
        if old is None or new is None:
            raise not_found(resource, route.name)
        self._bind(write, new, binding)
        self._writer.keep(write, route.name, new)
        return document(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    def _bind(self, write: Write, pod: Manifest, binding: Manifest) -> None:
        """Give it its node, in place. Raises Refusal."""
        name, node = write.name, (binding.get("target") or {}).get("name", "")
        taken = pod["spec"].get("nodeName")
        if taken:
            why = f'pod {name} is already assigned to node "{taken}"'
        elif "deletionTimestamp" in pod["metadata"]:
            why = f"pod {name} is being deleted, cannot be assigned to a host"
        else:
            why = ""
        if why:
            raise conflict(write.resource, name, why, "pods/binding")
        pod["spec"]["nodeName"] = node
        self._place(pod, node)
        status = pod.setdefault("status", {})
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        others = [each for each in status.get("conditions", []) if each.get("type") != "PodScheduled"]
        status["conditions"] = [*others, {**scheduled, "lastTransitionTime": self._writer.now()}]

    def _place(self, pod: Manifest, node: str) -> None:
        """A Pod says in which zone it is."""
        found = self._writer.storage.read(("", "nodes"), "", node) or {"metadata": {}}
        labels = found["metadata"].get("labels", {})
        known = {name: labels[name] for name in _TOPOLOGY if name in labels}
        if known:
            pod["metadata"]["labels"] = {**pod["metadata"].get("labels", {}), **known}


def specials(writer: Writer) -> Mapping[tuple[str, str, str], Special]:
    """All of them, by group, plural and subresource."""
    return {("", "namespaces", "finalize"): Finalize(writer), ("", "pods", "binding"): Binding(writer)}


def _write(asking: Asking, route: Route, resource: Resource, kind: str) -> Write:
    query = WriteQuery.read(asking.query, kind)
    return Write(asking.user, resource, route.namespace, route.name, query, route.subresource, asking.warnings)
