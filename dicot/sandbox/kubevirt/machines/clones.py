"""Where a DataVolume is cloned from, and whether the machine's account may (CDI's API, AuthorizeSA)."""

from collections.abc import Callable, Sequence
from functools import partial

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...steps import Ask, Decision, act
from .objects import meta

Sources = Callable[[str, str], Manifest | None]
_REVIEWS = Place("authorization.k8s.io", "v1", "subjectaccessreviews")


class Unknown(Exception):
    """There is no such DataSource; in the words of the API server."""


def resolved(spec: Manifest, namespace: str, source: Sources) -> Manifest:
    """A DataVolume's spec with what its DataSource stands for. Raises Unknown."""
    reference = spec.get("sourceRef")
    found, home = spec.get("source"), namespace
    if reference and reference.get("kind") == "DataSource":
        home = reference.get("namespace") or namespace
        found = _meant(source(home, reference["name"]), reference["name"])
    kind = next((each for each in ("pvc", "snapshot") if each in (found or {})), "")
    if not kind or found is None:
        return dict(spec)
    rest = {key: value for key, value in spec.items() if key != "sourceRef"}
    return {**rest, "source": {kind: {**found[kind], "namespace": found[kind].get("namespace") or home}}}


def _meant(found: Manifest | None, name: str) -> Manifest:
    if found is None:
        raise Unknown(f'datasources.cdi.kubevirt.io "{name}" not found')
    meant: Manifest = found.get("spec", {}).get("source", {})
    return found.get("status", {}).get("source", {}) if "dataSource" in meant else meant


def lacks(volume: Manifest, claim: Sources) -> str:
    """What is told where the claim that it is cloned from is not there."""
    source = volume["spec"].get("source", {}).get("pvc")
    if source is None or claim(source["namespace"], source["name"]) is not None:
        return ""
    late = f"Target PVC {meta(volume)['name']} will remain unpopulated until source is created"
    return f"Source PVC {source['name']} not available: {late}"


def account(machine: Manifest) -> str:
    """The user that clones for a machine."""
    volumes = machine["spec"]["template"]["spec"].get("volumes") or ()
    named = [each["serviceAccount"]["serviceAccountName"] for each in volumes if "serviceAccount" in each]
    return f"system:serviceaccount:{meta(machine)['namespace']}:{named[-1] if named else 'default'}"


def question(volume: Manifest, account: str, yes: Decision, no: Callable[[str], Decision]) -> Ask | None:
    """Ask whether that may be cloned from; None where nobody has to. ``no`` is given the namespace."""
    source = volume["spec"].get("source", {})
    found = source.get("pvc") or source.get("snapshot")
    if found is None or found["namespace"] == meta(volume)["namespace"]:
        return None
    home = found["namespace"]
    clone = _attributes(found, "datavolumes", "cdi.kubevirt.io", "source")
    pods = _attributes(found, "pods")
    if "pvc" in source:
        return _any(account, (clone, pods), yes, no(home))
    claims = _attributes(found, "pvcs")
    both = _ask(account, pods, lambda allowed: act(_any(account, (claims,), yes, no(home))) if allowed else no(home))
    return _ask(account, clone, lambda allowed: yes if allowed else act(both))


def _any(account: str, choices: Sequence[Manifest], yes: Decision, no: Decision) -> Ask:
    """Ask for one after the other."""
    first, *others = choices

    def then(allowed: bool) -> Decision:
        if allowed:
            return yes
        return act(_any(account, others, yes, no)) if others else no

    return _ask(account, first, then)


def _attributes(found: Manifest, resource: str, group: str = "", subresource: str = "") -> Manifest:
    asked = {"verb": "create", "group": group, "resource": resource, "subresource": subresource}
    named = {"namespace": found["namespace"], "name": found["name"]}
    return named | {key: value for key, value in asked.items() if value}


def _ask(account: str, attributes: Manifest, then: Callable[[bool], Decision]) -> Ask:
    namespace = account.split(":")[2]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account, "groups": groups, "resourceAttributes": attributes},
    }
    return Ask(_REVIEWS, review, partial(_decided, then))


def _decided(then: Callable[[bool], Decision], answer: Manifest) -> Decision:
    return then(bool(answer["status"]["allowed"]))
