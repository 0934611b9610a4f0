"""``dicot check``: what a cluster has of what Dicot needs, what is missing, and what to apply. It changes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from .cloud.features import discover
from .cloud.kinds.identity import LEDGER, NAME_CLAIM
from .cloud.resource import Resource
from .cloud.tenancy.calls import BIND, OWN_ACCOUNT, Call, calls
from .cloud.tenancy.manifests import manifests
from .cloud.writing.cluster import holds
from .kube.address import Account, Place, user_name
from .kube.client import Kube
from .kube.errors import Denied, Missing
from .kube.kind import Manifest
from .names import SYSTEM_NAMESPACE
from .status.findings import FOUND, LIMITED, MISSING, Finding, findings

APPLY = "kubectl apply -k etc/kubernetes"
GOOD, LACKING, UNKNOWN = 0, 1, 2
"""Exit codes: all is there that Dicot cannot do without; something is not; it could not be found out."""
_PLURALS: Mapping[str, str] = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
_REVIEWS = Place("authorization.k8s.io", "v1", "selfsubjectrulesreviews")
_WHO = Place("authentication.k8s.io", "v1", "selfsubjectreviews")
_OWN = Account(SYSTEM_NAMESPACE, OWN_ACCOUNT)
_ELSEWHERE = "default"
_SHOWN = 3
_MARKS: Mapping[str, str] = {FOUND: "ok", LIMITED: "limited", MISSING: "MISSING"}


class _Resource(msgspec.Struct, frozen=True):
    name: str = ""


class _Resources(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...] = ()


class _Rule(msgspec.Struct, frozen=True):
    verbs: tuple[str, ...] = ()
    apiGroups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resourceNames: tuple[str, ...] = ()


class _User(msgspec.Struct, frozen=True):
    username: str = ""


class _Info(msgspec.Struct, frozen=True):
    userInfo: _User = _User()


class _Self(msgspec.Struct, frozen=True):
    status: _Info = _Info()


class _Rules(msgspec.Struct, frozen=True):
    resourceRules: tuple[_Rule, ...] = ()


class _Review(msgspec.Struct, frozen=True):
    status: _Rules = _Rules()


async def examined(kube: Kube, resources: Sequence[Resource]) -> tuple[Finding, ...]:
    """Everything that was found out. Raises Refused or Unreachable where the cluster does not answer."""
    features = await discover(kube)
    return (
        *findings(features, ()),
        await _definitions(kube, resources),
        await _installed(kube, resources),
        await _rights(kube, resources),
    )


def told(found: Iterable[Finding]) -> str:
    """The findings for people, one a line, each with what to do about it."""
    return "".join(f"{line}\n" for each in found for line in _lines(each))


def code(found: Iterable[Finding]) -> int:
    """The exit code."""
    return LACKING if any(each.state == MISSING for each in found) else GOOD


def _lines(found: Finding) -> Iterator[str]:
    yield f"{_MARKS[found.state]:8} {found.name}: {found.detail}"
    if found.remedy:
        yield f"{'':8} -> {found.remedy}"


def definitions(resources: Iterable[Resource]) -> frozenset[str]:
    """The names of Dicot's own CustomResourceDefinitions."""
    clouds = (LEDGER.resource, NAME_CLAIM.resource)
    return frozenset((*clouds, *(name for resource in resources for name in resource.crds)))


async def _definitions(kube: Kube, resources: Iterable[Resource]) -> Finding:
    """Whether Dicot's own kinds are served, by discovery, which everybody may read."""
    wanted = sorted(definitions(resources))
    served: dict[str, frozenset[str]] = {}
    for group in {name.partition(".")[2] for name in wanted}:
        served[group] = await _served(kube, group)
    missing = [name for name in wanted if name.partition(".")[0] not in served[name.partition(".")[2]]]
    if missing:
        return Finding("Dicot's kinds", MISSING, f"not served: {_few(missing)}", APPLY)
    return Finding("Dicot's kinds", FOUND, f"{len(wanted)} are served")


async def _served(kube: Kube, group: str) -> frozenset[str]:
    try:
        answer = await kube.fetch(f"/apis/{group}/v1")
    except Missing:
        return frozenset()
    return frozenset(each.name for each in msgspec.json.decode(answer, type=_Resources).resources)


async def _installed(kube: Kube, resources: Sequence[Resource]) -> Finding:
    """Whether accounts, roles and policies are as this version has them; only administrators may look."""
    missing: list[str] = []
    other: list[str] = []
    hidden = 0
    for wanted in manifests(resources):
        name = f"{wanted['kind']} {wanted['metadata']['name']}"
        try:
            found = msgspec.json.decode(await kube.read(_place(wanted)))
        except Missing:
            missing.append(name)
        except Denied:
            hidden += 1
        else:
            if not holds({**found, "rules": found.get("rules") or []}, wanted):
                other.append(name)
    if missing:
        return Finding("Dicot's accounts and roles", MISSING, f"not there: {_few(missing)}", APPLY)
    if other:
        detail = f"not as this version has them: {_few(other)}"
        return Finding("Dicot's accounts and roles", MISSING, detail, APPLY)
    if hidden:
        detail = f"{hidden} are not shown to this account; an administrator's kubeconfig tells more"
        return Finding("Dicot's accounts and roles", LIMITED, detail)
    return Finding("Dicot's accounts and roles", FOUND, "as this version has them")


async def _rights(kube: Kube, resources: Iterable[Resource]) -> Finding:
    """Whether Dicot's account may make the calls of the table: it is asked, by an administrator in its name."""
    table = [line for line in calls(resources) if not line.account and line.verb != BIND]
    account = None if await _who(kube) == user_name(_OWN) else _OWN
    rules: dict[str, tuple[_Rule, ...]] = {}
    try:
        for where in {line.where for line in table}:
            rules[where] = await _rules(kube, where or _ELSEWHERE, account)
    except Denied:
        return Finding("Dicot's rights", LIMITED, "this account may not ask for another's")
    lacking = [str(line) for line in table if not any(_gives(rule, line) for rule in rules[line.where])]
    if lacking:
        return Finding("Dicot's rights", MISSING, f"may not {_few(lacking)}", APPLY)
    return Finding("Dicot's rights", FOUND, f"all {len(table)} kinds of calls")


async def _who(kube: Kube) -> str:
    """The name of the account that asks."""
    body: Manifest = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await kube.create(_WHO, body)
    return msgspec.json.decode(answer, type=_Self).status.userInfo.username


async def _rules(kube: Kube, namespace: str, account: Account | None) -> tuple[_Rule, ...]:
    body: Manifest = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = await kube.create(_REVIEWS, body, acting_as=account)
    return msgspec.json.decode(answer, type=_Review).status.resourceRules


def _gives(rule: _Rule, line: Call) -> bool:
    pairs = ((rule.verbs, line.verb), (rule.apiGroups, line.group), (rule.resources, line.resource))
    return not rule.resourceNames and all(value in said or "*" in said for said, value in pairs)


def _place(body: Manifest) -> Place:
    group, _, version = body["apiVersion"].rpartition("/")
    plural = _PLURALS.get(body["kind"], f"{body['kind'].lower()}s")
    return Place(group, version, plural, body["metadata"].get("namespace", ""), body["metadata"]["name"])


def _few(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
