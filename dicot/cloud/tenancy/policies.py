"""Admission policies that hold Dicot's own accounts, as manifests. They match no request of anybody else."""

from ...kube.kind import Manifest
from ...names import ACCOUNTS_NAMESPACE, MANAGED, SYSTEM_NAMESPACE
from ..reading.projects import DENIED, DENIED_PREFIXES
from .calls import OWN_ACCOUNT

_VERSION = "admissionregistration.k8s.io/v1"
_OWN_USER = f"request.userInfo.username == 'system:serviceaccount:{SYSTEM_NAMESPACE}:{OWN_ACCOUNT}'"
_PROJECT_USER = f"request.userInfo.username.startsWith('system:serviceaccount:{ACCOUNTS_NAMESPACE}:')"
_OWN_NAMESPACES = f"request.namespace in ['{SYSTEM_NAMESPACE}', '{ACCOUNTS_NAMESPACE}']"
# CEL sees the Namespace but not the record behind it; Dicot sets the label when it writes the record.
_RECORDED = (
    "namespaceObject != null && has(namespaceObject.metadata.labels)"
    f" && '{MANAGED}' in namespaceObject.metadata.labels && namespaceObject.metadata.labels['{MANAGED}'] == 'true'"
)
_SYSTEM = " || ".join(
    [
        f"variables.name in {sorted(DENIED)!r}",
        *(f"variables.name.startsWith('{prefix}')" for prefix in DENIED_PREFIXES),
    ]
)


def policies() -> list[Manifest]:
    """The policies, each with its binding."""
    return [
        *_policy("dicot-own-account", _OWN_USER, [_rule("*", "*", scope="Namespaced")], _within_recorded()),
        *_policy("dicot-own-account-namespaces", _OWN_USER, [_rule("", "namespaces")], _no_system_namespace()),
        *_policy(
            "dicot-project-accounts-vm", _PROJECT_USER, [_kubevirt("virtualmachines")], _no_account("spec.template")
        ),
        *_policy(
            "dicot-project-accounts-vmi", _PROJECT_USER, [_kubevirt("virtualmachineinstances")], _no_account("")
        ),
    ]


def _within_recorded() -> Manifest:
    message = "Dicot's own account writes only in its own namespaces and in recorded ones"
    return {"validations": [{"expression": f"{_OWN_NAMESPACES} || ({_RECORDED})", "message": message}]}


def _no_system_namespace() -> Manifest:
    name = "object != null ? object.metadata.name : oldObject.metadata.name"
    message = "Dicot's own account leaves system namespaces alone"
    return {
        "variables": [{"name": "name", "expression": name}],
        "validations": [{"expression": f"!({_SYSTEM})", "message": message}],
    }


def _no_account(template: str) -> Manifest:
    """No volume with a ServiceAccount's token: it would lend its rights to whoever is inside the VM."""
    path = f"object.{template}.spec" if template else "object.spec"
    expression = f"!has({path}.volumes) || {path}.volumes.all(volume, !has(volume.serviceAccount))"
    message = "a project's account cannot use serviceAccount volumes"
    return {"validations": [{"expression": expression, "message": message}]}


def _policy(name: str, user: str, rules: list[Manifest], says: Manifest) -> list[Manifest]:
    policy = {
        "apiVersion": _VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": {MANAGED: "true"}},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [{"name": "only-dicots-accounts", "expression": user}],
            **says,
        },
    }
    binding = {
        "apiVersion": _VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": {MANAGED: "true"}},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [policy, binding]


def _rule(group: str, resource: str, *, scope: str = "*") -> Manifest:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": [resource],
        "scope": scope,
    }


def _kubevirt(resource: str) -> Manifest:
    return {**_rule("kubevirt.io", resource), "operations": ["CREATE", "UPDATE"]}
