"""How much a project may have: what its ResourceQuotas say, over defaults. Free of Twisted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from ..caller import Caller
from ..kube.deep import shallow
from ..kube.quantity import whole
from ..names import QUOTA
from .kinds.quota import RESOURCE_QUOTA, ResourceQuota
from .resource import Bench, Known

OWN = "dicot"
"""The ResourceQuota by which a project has amounts of its own."""
NO_LIMIT = -1


def held(known: Known, keys: Mapping[str, str]) -> dict[str, int]:
    """The limits that Kubernetes itself enforces; ``keys`` are the names of resources in a ResourceQuota."""
    quotas = [quota for _, quota in known.rows(RESOURCE_QUOTA) if _counts_all(quota)]
    return {name: least(_hard(quota, key) for quota in quotas) for name, key in keys.items()}


def limits(known: Known, defaults: Mapping[str, int], keys: Mapping[str, str]) -> dict[str, int]:
    """The limits of the caller's project, by the names of ``defaults``; -1 is none.

    Its own amounts are in the ResourceQuota ``dicot``: of what Kubernetes counts under ``hard``, of all the rest (and
    of what shall have no limit) in the annotation ``dicot.io/quota``. Whatever other ResourceQuotas say holds too.
    """
    own = known.named(RESOURCE_QUOTA, OWN)
    told = _told(own[1], keys) if own is not None else {}
    enforced = held(known, keys)
    return {name: least((told.get(name, limit), enforced.get(name, NO_LIMIT))) for name, limit in defaults.items()}


def seen_from(bench: Bench, caller: Caller, project: str) -> Known:
    """The cache as that project sees it, which is asked for a cloud admin only."""
    if project == caller.project:
        return bench.known(caller)
    namespace = bench.known(caller).project_ids().get(project, "")
    return bench.known(replace(caller, project=project, namespace=namespace))


def least(amounts: Iterable[int]) -> int:
    """The smallest of the limits that are any."""
    return min((amount for amount in amounts if amount >= 0), default=NO_LIMIT)


def _told(quota: ResourceQuota, keys: Mapping[str, str]) -> Mapping[str, int]:
    hard = {name: _hard(quota, key) for name, key in keys.items()} if _counts_all(quota) else {}
    return {name: limit for name, limit in hard.items() if limit != NO_LIMIT} | _noted(quota)


def _noted(quota: ResourceQuota) -> dict[str, int]:
    """The annotation; one that does not fit its form counts as not said."""
    try:
        return shallow(quota.metadata.annotations.get(QUOTA, "{}"), dict[str, int])
    except msgspec.MsgspecError:
        return {}


def _hard(quota: ResourceQuota, key: str) -> int:
    return whole(quota.spec.hard[key]) if key in quota.spec.hard else NO_LIMIT


def _counts_all(quota: ResourceQuota) -> bool:
    return not quota.spec.scopes and quota.spec.scopeSelector is None
