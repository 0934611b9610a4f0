"""ResourceQuota: what may be made in a namespace, and what has been (apiserver, admission plugin ResourceQuota)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dicot.kube.kind import Manifest

from ..refusal import Refusal
from ..rights.refusals import forbidden
from ..seams import Change, Objects, Review
from .quantities import Amounts, Quantity, shown, total
from .usage import MEASURED, lacking, source, used

QUOTAS = "resourcequotas"
_Resource = tuple[str, str]


class Usage:
    """What is used in the namespaces that have quotas: counted once, then kept up by each change."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._quotas: dict[str, dict[str, Manifest]] = {}
        self._used: dict[str, dict[_Resource, Amounts]] = {}
        self.touched: set[tuple[str, str]] = set()
        for quota in objects.list("", QUOTAS):
            self._put(quota)
        objects.listen(self._changed)

    def quotas(self, namespace: str) -> Iterable[Manifest]:
        """Those of a namespace."""
        return self._quotas.get(namespace, {}).values()

    def of(self, namespace: str, name: str) -> Amounts:
        """What is used of all that a quota limits."""
        hard = self._quotas[namespace][name]["spec"].get("hard") or {}
        counted: Amounts = {}
        for limited in hard:
            resource = source(limited)
            amounts = {} if resource is None else self._count(namespace, resource)
            counted[limited] = amounts.get(limited, Quantity())
        return counted

    def _count(self, namespace: str, resource: _Resource) -> Amounts:
        counts = self._used.setdefault(namespace, {})
        if resource not in counts:
            counts[resource] = total([used(*resource, each) for each in self._objects.list(*resource, namespace)])
        return counts[resource]

    def _changed(self, change: Change) -> None:
        resource = change.resource.group, change.resource.plural
        counts = self._used.get(change.namespace)
        if counts is not None and resource in counts:
            old, new = (_used(resource, each) for each in (change.old, change.new))
            if old != new:
                counts[resource] = _without(total([counts[resource], new]), old)
                self.touched.update((change.namespace, name) for name in self._quotas[change.namespace])
        if resource == ("", QUOTAS):
            self._quota_changed(change)

    def _quota_changed(self, change: Change) -> None:
        if change.new is not None:
            self._put(json.loads(change.new))
            return
        quotas = self._quotas.get(change.namespace, {})
        quotas.pop(change.name, None)
        if not quotas:
            self._quotas.pop(change.namespace, None)
            self._used.pop(change.namespace, None)

    def _put(self, quota: Manifest) -> None:
        namespace, name = quota["metadata"]["namespace"], quota["metadata"]["name"]
        self._quotas.setdefault(namespace, {})[name] = quota
        self.touched.add((namespace, name))


def _used(resource: _Resource, found: bytes | None) -> Amounts:
    if found is None:
        return {}
    # What is merely counted needs no reading.
    decoded = json.loads(found) if not resource[0] and resource[1] in MEASURED else {}
    return used(*resource, decoded)


def _without(summed: Amounts, old: Amounts) -> Amounts:
    return summed | {name: summed[name] - quantity for name, quantity in old.items()}


class QuotaAdmission:
    """Lets nothing be made that exceeds a quota."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def mutate(self, review: Review) -> Manifest | None:
        """Nothing."""
        return None

    def validate(self, review: Review) -> None:
        """Raises Refusal."""
        if review.operation not in ("CREATE", "UPDATE") or review.subresource or review.new is None:
            return
        resource = review.resource.group, review.resource.plural
        if resource == ("", QUOTAS):
            _understood(review.new)
        if review.operation == "UPDATE" and (resource[0] or resource[1] not in MEASURED - {"pods"}):
            return
        quotas = list(self._usage.quotas(review.namespace))
        if not quotas:
            return
        needs = used(*resource, review.new)
        more = needs if review.old is None else _without(needs, _known(needs, review.old, resource))
        for quota in quotas:
            self._check(review, quota, {name: each for name, each in more.items() if each.value > 0})

    def _check(self, review: Review, quota: Manifest, needs: Amounts) -> None:
        name = quota["metadata"]["name"]
        hard = {each: Quantity.read(text) for each, text in (quota["spec"].get("hard") or {}).items()}
        if (review.resource.group, review.resource.plural) == ("", "pods") and review.new is not None:
            silent = lacking(review.new["spec"], set(hard))
            if silent:
                raise _refusal(review, f"failed quota: {name}: must specify {silent}")
        limited = needs.keys() & hard.keys()
        if not limited:
            return
        have = self._usage.of(review.namespace, name)
        over = [each for each in limited if (have[each] + needs[each]).value > hard[each].value]
        if over:
            amounts = f"requested: {shown(needs, over)}, used: {shown(have, over)}, limited: {shown(hard, over)}"
            raise _refusal(review, f"exceeded quota: {name}, {amounts}")


def _known(needs: Amounts, old: Manifest, resource: _Resource) -> Amounts:
    """What an object used before, of what it needs now."""
    before = used(*resource, old)
    return {name: before[name] for name in needs if name in before}


def _understood(quota: Manifest) -> None:
    spec = quota.get("spec") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        raise Refusal(501, "NotImplemented", "quotas with scopes are not served here")


def _refusal(review: Review, why: str) -> Refusal:
    return forbidden(review.resource.group, review.resource.plural, review.name, why)


def status(quota: Manifest, amounts: Amounts) -> Manifest:
    """The status of a quota of which so much is used."""
    hard = quota["spec"].get("hard") or {}
    return {"hard": dict(hard), "used": {name: str(amounts.get(name, Quantity())) for name in hard}}
