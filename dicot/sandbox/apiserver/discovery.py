"""What is served, as clients ask for it: group by group, or all at once (apidiscovery.k8s.io/v2)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from dicot.kube.kind import Manifest
from dicot.sandbox import facts

from .resource import Resource
from .seams import Aggregated

ORDER = (
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
)
"""Of the built-in groups; others follow by their names."""
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?\Z")
_RANKS = {None: 2, "beta": 1, "alpha": 0}
_EMPTY_KIND = {"group": "", "version": "", "kind": ""}
_CHANGES = ["get", "patch", "update"]


def ranked(version: str) -> tuple[int, int, int, str]:
    """A key by which the stablest and newest version sorts last (apimachinery, pkg/version)."""
    match = _VERSION.match(version)
    if match is None:
        return (-1, 0, 0, version)
    return (_RANKS[match[2]], int(match[1]), int(match[3] or 0), "")


class Discovery:
    """The documents of what is served at one moment."""

    def __init__(self, resources: Iterable[Resource], aggregated: Sequence[Aggregated]) -> None:
        self._served: dict[str, dict[str, list[Resource]]] = {}
        for each in resources:
            self._served.setdefault(each.group, {}).setdefault(each.version, []).append(each)
        self._aggregated = {each.group: each for each in aggregated}

    def groups(self) -> list[str]:
        """All but the core group, in order."""
        found = {*self._served, *self._aggregated} - {""}
        return sorted(found, key=lambda group: (ORDER.index(group) if group in ORDER else len(ORDER), group))

    def versions(self, group: str) -> list[str]:
        """The versions of a group, the preferred one first."""
        found = self._aggregated[group].versions if group in self._aggregated else self._served.get(group, {})
        return sorted(found, key=ranked, reverse=True)

    def core(self) -> Manifest:
        """What is at /api."""
        address = {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}
        return {"kind": "APIVersions", "versions": self.versions(""), "serverAddressByClientCIDRs": [address]}

    def all_groups(self) -> Manifest:
        """What is at /apis."""
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [self._group(each) for each in self.groups()]}

    def group(self, group: str) -> Manifest | None:
        """What is at /apis/GROUP."""
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(group)} if group in self.groups() else None

    def _group(self, group: str) -> Manifest:
        versions = [{"groupVersion": f"{group}/{each}", "version": each} for each in self.versions(group)]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def resources(self, group: str, version: str) -> Manifest | None:
        """What is at /apis/GROUP/VERSION."""
        if group in self._aggregated:
            return self._aggregated[group].discovery(version) if version in self.versions(group) else None
        found = self._served.get(group, {}).get(version)
        if found is None:
            return None
        said = [each for resource in _sorted(found) for each in _listed(resource)]
        made: Manifest = {"kind": "APIResourceList"}
        if group:
            made["apiVersion"] = "v1"
        return {**made, "groupVersion": f"{group}/{version}" if group else version, "resources": said}

    def everything(self, core: bool) -> Manifest:
        """All groups with all that is in them: at /api the core group, at /apis the others."""
        items = [self._everything_of(group) for group in ([""] if core else self.groups())]
        head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
        return {**head, "items": items}

    def _everything_of(self, group: str) -> Manifest:
        versions = [
            {"version": version, "resources": list(self._discovered(group, version)), "freshness": "Current"}
            for version in self.versions(group)
        ]
        return {"metadata": {"name": group} if group else {}, "versions": versions}

    def _discovered(self, group: str, version: str) -> Iterator[Manifest]:
        if group in self._aggregated:
            yield from _translated(self._aggregated[group].discovery(version)["resources"])
            return
        for resource in _sorted(self._served[group][version]):
            yield _discovered(resource)


def _sorted(found: Iterable[Resource]) -> list[Resource]:
    return sorted(found, key=lambda resource: resource.plural)


def storage_hash(resource: Resource) -> str:
    """Tells clients that a resource is stored in another version (apiserver, pkg/endpoints/discovery)."""
    text = f"{resource.group}/{resource.version}/{resource.kind}"
    return b64encode(sha256(text.encode()).digest()[:8]).decode()


def below(resource: Resource) -> Mapping[str, Any]:
    """The subresources of a resource, with their kinds and verbs."""
    if resource.custom:
        scale = {"kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": _CHANGES}
        status = {"kind": resource.kind, "verbs": _CHANGES}
        known = {"status": status, "scale": scale}
        return {name: known[name] for name in ("status", "scale") if name in resource.subresources}
    said: Mapping[str, Any] = facts.resources()[resource.api_version][resource.plural].get("subresources", {})
    return said


def _listed(resource: Resource) -> Iterator[Manifest]:
    made: Manifest = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        made["shortNames"] = list(resource.short_names)
    if resource.categories:
        made["categories"] = list(resource.categories)
    if "list" in resource.verbs:
        made["storageVersionHash"] = storage_hash(resource)
    yield made
    for name, found in below(resource).items():
        other = {key: found[key] for key in ("group", "version") if key in found}
        head = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced, **other}
        yield {**head, "kind": found["kind"], "verbs": list(found["verbs"])}


def _discovered(resource: Resource) -> Manifest:
    own = resource.custom
    made: Manifest = {
        "resource": resource.plural,
        "responseKind": {
            "group": resource.group if own else "",
            "version": resource.version if own else "",
            "kind": resource.kind,
        },
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        made["shortNames"] = list(resource.short_names)
    if resource.categories:
        made["categories"] = list(resource.categories)
    inner = []
    for name, found in below(resource).items():
        group, version = found.get("group", ""), found.get("version", "")
        if own and name == "status":
            group, version = resource.group, resource.version
        kind = {"group": group, "version": version, "kind": found["kind"]}
        inner.append({"subresource": name, "responseKind": kind, "verbs": list(found["verbs"])})
    return {**made, "subresources": inner} if inner else made


def _translated(resources: Iterable[Manifest]) -> Iterator[Manifest]:
    """An APIResourceList in the words of the other form. Subresources follow their resource, which need not be."""
    made: dict[str, Manifest] = {}
    for each in resources:
        name, slash, inner = each["name"].partition("/")
        holder = made.get(name)
        if holder is None:
            scope = "Namespaced" if each.get("namespaced") else "Cluster"
            holder = made[name] = {"resource": name, "responseKind": _EMPTY_KIND, "scope": scope}
            holder |= {"singularResource": "", "verbs": None}
        kind = {"group": each.get("group", ""), "version": each.get("version", ""), "kind": each.get("kind", "")}
        verbs = each.get("verbs") or None
        if slash:
            entry = {"subresource": inner, "responseKind": kind, "verbs": verbs}
            holder.setdefault("subresources", []).append(entry)
        else:
            holder |= {"responseKind": kind, "singularResource": each.get("singularName", ""), "verbs": verbs}
            if each.get("shortNames"):
                holder["shortNames"] = each["shortNames"]
    yield from made.values()
