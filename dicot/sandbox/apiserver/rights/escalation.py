"""Nobody gives away rights that he has not (kubernetes, pkg/registry/rbac)."""

from __future__ import annotations

from dicot.kube.kind import Manifest

from ..asked import Attributes, User
from ..seams import Review
from .rbac import BINDINGS, GROUP, MASTERS, ROLES, Rights
from .refusals import forbidden, not_found
from .rules import Rule, compact, missing, quoted

_EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))
_AGGREGATION = "must have cluster-admin privileges to use the aggregationRule"


class Escalation:
    """Stands before every write of a role or binding."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def mutate(self, review: Review) -> Manifest | None:
        """Nothing is changed."""
        return None

    def validate(self, review: Review) -> None:
        """Raises Refusal for rights that the user has not himself."""
        if not _concerned(review) or review.new is None:
            return
        if not (self._free(review) or _only_owners(review)):
            self._check(review, review.new)

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


def _aggregates(role: Manifest) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_owners(review: Review) -> bool:
    """Whether a write changes nothing but what lets the garbage collector delete the object."""
    return review.old is not None and review.new is not None and _rest(review.old) == _rest(review.new)


def _rest(found: Manifest) -> Manifest:
    left = {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"}
    metadata = {key: value for key, value in found["metadata"].items() if key not in left}
    return {**found, "metadata": metadata}
