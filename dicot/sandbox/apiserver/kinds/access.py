"""What roles, bindings, leases, policies and definitions may not be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from dicot.kube.kind import Manifest

from ..refusal import Cause
from ..structural import causes
from .defaults import RBAC_GROUP

_KINDS = ("ServiceAccount", "User", "Group")
_NOTHING = "validations or auditAnnotations must contain at least one item"
_HIGHEST = 1000000000
_SCOPES = ("Cluster", "Namespaced")


def cluster_role(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ClusterRole (pkg/apis/rbac/validation)."""
    if not new.get("aggregationRule"):
        yield from _rules(new, namespaced=False)


def role(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A Role."""
    yield from _rules(new, namespaced=True)


def _rules(new: Manifest, namespaced: bool) -> Iterator[Cause]:
    for place, rule in enumerate(new.get("rules") or ()):
        where = f"rules[{place}]"
        if not rule.get("verbs"):
            yield causes.required(f"{where}.verbs", "verbs must contain at least one value")
        paths = rule.get("nonResourceURLs")
        if paths:
            if namespaced:
                why = "namespaced rules cannot apply to non-resource URLs"
                yield causes.invalid(f"{where}.nonResourceURLs", paths, why)
            elif rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                why = "rules cannot apply to both regular resources and non-resource URLs"
                yield causes.invalid(f"{where}.nonResourceURLs", paths, why)
            continue
        if not rule.get("apiGroups"):
            yield causes.required(f"{where}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield causes.required(f"{where}.resources", "resource rules must supply at least one resource")


def role_binding(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A RoleBinding."""
    yield from _binding(new, old, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ClusterRoleBinding."""
    yield from _binding(new, old, ("ClusterRole",), namespaced=False)


def _binding(new: Manifest, old: Manifest | None, kinds: tuple[str, ...], namespaced: bool) -> Iterator[Cause]:
    ref = new.get("roleRef") or {}
    if ref.get("apiGroup", "") != RBAC_GROUP:
        yield causes.unsupported("roleRef.apiGroup", ref.get("apiGroup", ""), (RBAC_GROUP,))
    if ref.get("kind", "") not in kinds:
        yield causes.unsupported("roleRef.kind", ref.get("kind", ""), kinds)
    if not ref.get("name"):
        yield causes.required("roleRef.name")
    for place, subject in enumerate(new.get("subjects") or ()):
        yield from _subject(f"subjects[{place}]", subject, namespaced)
    if old is not None and ref != old.get("roleRef"):
        shown = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
        yield causes.invalid("roleRef", shown, "cannot change roleRef")


def _subject(where: str, subject: Manifest, namespaced: bool) -> Iterator[Cause]:
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    if not subject.get("name"):
        yield causes.required(f"{where}.name")
    if kind not in _KINDS:
        yield causes.unsupported(f"{where}.kind", kind, _KINDS)
    elif kind != "ServiceAccount":
        if group != RBAC_GROUP:
            yield causes.unsupported(f"{where}.apiGroup", group, (RBAC_GROUP,))
    else:
        if group:
            yield causes.unsupported(f"{where}.apiGroup", group, ("",))
        if not subject.get("namespace") and not namespaced:
            yield causes.required(f"{where}.namespace")


def lease(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A Lease (pkg/apis/coordination/validation)."""
    spec = new.get("spec") or {}
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield causes.invalid("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0")
    if spec.get("leaseTransitions", 0) < 0:
        why = "must be greater than or equal to 0"
        yield causes.invalid("spec.leaseTransitions", spec["leaseTransitions"], why)


def priority_class(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A PriorityClass (pkg/apis/scheduling/validation)."""
    if new.get("value", 0) > _HIGHEST and not new["metadata"].get("name", "").startswith("system-"):
        yield causes.forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}")
    if old is not None and new.get("value") != old.get("value"):
        yield causes.forbidden("value", "may not be changed in an update.")


def policy(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ValidatingAdmissionPolicy (pkg/apis/admissionregistration/validation)."""
    spec = new.get("spec") or {}
    if not spec.get("matchConstraints"):
        yield causes.required("spec.matchConstraints")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield causes.required("spec.validations", _NOTHING)
        yield causes.required("spec.auditAnnotations", _NOTHING)


def policy_binding(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ValidatingAdmissionPolicyBinding."""
    spec = new.get("spec") or {}
    if not spec.get("policyName"):
        yield causes.required("spec.policyName")
    if not spec.get("validationActions"):
        yield causes.required("spec.validationActions", "at least one validation action is required")


def revision(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ControllerRevision (pkg/apis/apps/validation)."""
    if new.get("data") is None:
        yield causes.required("data", "data is mandatory")
    if old is not None and new.get("data") != old.get("data"):
        yield causes.invalid("data", new.get("data"), "field is immutable")


def definition(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A CustomResourceDefinition (apiextensions-apiserver, pkg/apis/apiextensions/validation)."""
    spec = new["spec"]
    name, names = new["metadata"].get("name", ""), spec.get("names") or {}
    if name != f"{names.get('plural', '')}.{spec.get('group', '')}":
        yield causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    if spec.get("scope") not in _SCOPES:
        yield causes.unsupported("spec.scope", spec.get("scope", ""), _SCOPES)
    versions = spec.get("versions") or ()
    yield from _versions(versions)
    for place, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield causes.required(f"spec.versions[{place}].schema.openAPIV3Schema")


def _versions(found: Sequence[Manifest]) -> Iterator[Cause]:
    shown = f"Invalid value: {json.dumps([_held(each) for each in found], separators=(',', ':'))}"
    if len({each.get("name") for each in found}) < len(found):
        yield Cause("FieldValueInvalid", f"{shown}: must contain unique version names", "spec.versions")
    storing = [each for each in found if each.get("storage")]
    if len(storing) != 1:
        why = "must have exactly one version marked as storage version"
        yield Cause("FieldValueInvalid", f"{shown}: {why}", "spec.versions")
    if not storing:
        yield causes.invalid("status.storedVersions", None, "must have at least one stored version")


def _held(version: Manifest) -> Manifest:
    """A version as Go holds it, which keeps in one place what all versions have in common: their schema."""
    return {
        "Name": version.get("name", ""),
        "Served": version.get("served", False),
        "Storage": version.get("storage", False),
        "Deprecated": version.get("deprecated", False),
        "DeprecationWarning": version.get("deprecationWarning"),
        **dict.fromkeys(("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields")),
    }
