"""Nobody gives away rights that he has not, and roles are well formed (kubernetes, pkg/registry/rbac and
pkg/apis/rbac/validation)."""

from __future__ import annotations

from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ..asked import Attributes, User
from ..refusal import Cause
from ..seams import Review
from .rbac import BINDINGS, GROUP, MASTERS, ROLES, Rights
from .refusals import forbidden, not_found, refused_fields, required, unsupported, wrong_value
from .rules import Rule, compact, missing, quoted

_EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))
_ROLE_KINDS = ("Role", "ClusterRole")
_SUBJECTS = ("ServiceAccount", "User", "Group")
_AGGREGATION = "must have cluster-admin privileges to use the aggregationRule"


class Escalation:
    """Stands before every write of a role or binding."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def mutate(self, review: Review) -> Manifest | None:
        """The group of roles and subjects is understood."""
        if not _concerned(review) or review.new is None:
            return None
        new = review.new
        if review.resource.plural in BINDINGS:
            new["roleRef"] = {"apiGroup": GROUP, **new.get("roleRef", {})}
            new["subjects"] = [_of_group(each) for each in new.get("subjects") or ()]
            if not new["subjects"]:
                del new["subjects"]
        return new

    def validate(self, review: Review) -> None:
        """Raises Refusal for what is malformed, and for rights that the user has not himself."""
        if not _concerned(review) or review.new is None:
            return
        if not (self._free(review) or _only_owners(review)):
            self._check(review, review.new)
        wrong = [*_malformed(review, review.new)]
        if wrong:
            raise refused_fields(GROUP, review.resource.kind, review.name, wrong)

    def _free(self, review: Review) -> bool:
        if MASTERS in review.user.groups:
            return True
        plural, new = review.resource.plural, review.new or {}
        verb, name, resource = "escalate", review.name, plural
        if plural in BINDINGS:
            ref = new["roleRef"]
            verb, name = "bind", ref.get("name", "")
            resource = "roles" if ref.get("kind") == "Role" else "clusterroles"
        asked = Attributes(verb, GROUP, "*", resource, "", review.namespace, name)
        return self._rights.authorize(review.user, asked).allowed

    def _check(self, review: Review, new: Manifest) -> None:
        plural = review.resource.plural
        if plural in ROLES:
            self._covered(review, tuple(map(Rule.read, new.get("rules") or ())))
            if _aggregates(new) or _aggregates(review.old or {}):
                self._covered(review, _EVERYTHING, _AGGREGATION)
            return
        ref = new["roleRef"]
        rules = self._rights.role(ref.get("kind", ""), review.namespace, ref.get("name", ""))
        if rules is None:
            # The server looks the role up in the name of the binding's resource.
            raise not_found(GROUP, plural, ref.get("name", ""))
        self._covered(review, rules.all)

    def _covered(self, review: Review, rules: tuple[Rule, ...], why: str = "") -> None:
        held, amiss = self._rights.rules_for(review.user, review.namespace)
        lacking = missing(held, rules)
        if lacking:
            said = why or _lacks(review.user, lacking, amiss)
            raise forbidden(GROUP, review.resource.plural, review.name, said)


def _lacks(user: User, lacking: list[Rule], amiss: str) -> str:
    who = f'user "{user.name}" (groups={quoted(user.groups)})'
    lines = "\n".join(sorted({str(rule) for rule in compact(lacking)}))
    said = f"{who} is attempting to grant RBAC permissions not currently held:\n{lines}"
    return f"{said}; resolution errors: [{amiss}]" if amiss else said


def _concerned(review: Review) -> bool:
    return review.resource.group == GROUP and not review.subresource


def _of_group(subject: Manifest) -> Manifest:
    return subject if subject.get("kind") == "ServiceAccount" else {**subject, "apiGroup": GROUP}


def _aggregates(role: Manifest) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_owners(review: Review) -> bool:
    """Whether a write changes nothing but what lets the garbage collector delete the object."""
    return review.old is not None and review.new is not None and _rest(review.old) == _rest(review.new)


def _rest(found: Manifest) -> Manifest:
    left = {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"}
    metadata = {key: value for key, value in found["metadata"].items() if key not in left}
    return {**found, "metadata": metadata}


def _malformed(review: Review, new: Manifest) -> Iterator[Cause]:
    if review.resource.plural in ROLES:
        for at, rule in enumerate(new.get("rules") or ()):
            yield from _malformed_rule(Rule.read(rule), f"rules[{at}]", namespaced=review.resource.namespaced)
        return
    ref = new["roleRef"]
    if review.old is not None and review.old["roleRef"] != ref:
        shown = {"APIGroup": ref.get("apiGroup"), "Kind": ref.get("kind"), "Name": ref.get("name")}
        yield wrong_value("roleRef", shown, "cannot change roleRef")
    kinds = _ROLE_KINDS if review.resource.namespaced else _ROLE_KINDS[1:]
    if ref.get("kind", "") not in kinds:
        yield unsupported("roleRef.kind", ref.get("kind", ""), kinds)
    if not ref.get("name"):
        yield required("roleRef.name")
    for at, subject in enumerate(new.get("subjects") or ()):
        yield from _malformed_subject(subject, f"subjects[{at}]", namespaced=review.resource.namespaced)


def _malformed_rule(rule: Rule, at: str, *, namespaced: bool) -> Iterator[Cause]:
    if not rule.verbs:
        yield required(f"{at}.verbs", "verbs must contain at least one value")
    if rule.urls:
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            yield wrong_value(f"{at}.nonResourceURLs", list(rule.urls), why)
        if rule.groups or rule.resources or rule.names:
            why = "rules cannot apply to both regular resources and non-resource URLs"
            yield wrong_value(f"{at}.nonResourceURLs", list(rule.urls), why)
        return
    if not rule.groups:
        yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
    if not rule.resources:
        yield required(f"{at}.resources", "resource rules must supply at least one resource")


def _malformed_subject(subject: Manifest, at: str, *, namespaced: bool) -> Iterator[Cause]:
    kind = subject.get("kind", "")
    if not subject.get("name"):
        yield required(f"{at}.name")
    if kind not in _SUBJECTS:
        yield unsupported(f"{at}.kind", kind, _SUBJECTS)
    elif kind == "ServiceAccount" and not namespaced and not subject.get("namespace"):
        yield required(f"{at}.namespace")
