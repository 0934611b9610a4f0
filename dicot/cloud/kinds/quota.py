"""ResourceQuotas: what Kubernetes holds a namespace to. Free of Twisted."""

from typing import Any

import msgspec

from ...kube.kind import Kind, Meta


class ResourceQuotaSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``hard`` maps names of resources ("count/<plural>.<group>") to quantities; scopes narrow it to some Pods."""

    hard: dict[str, str | int | float] = {}
    scopes: tuple[str, ...] = ()
    scopeSelector: dict[str, Any] | None = None


class ResourceQuota(msgspec.Struct, frozen=True, omit_defaults=True):
    """Only its administrators may write it: ``edit`` and ``admin`` of a namespace read ResourceQuotas and no more."""

    metadata: Meta = Meta()
    spec: ResourceQuotaSpec = ResourceQuotaSpec()


RESOURCE_QUOTA = Kind("", "v1", "resourcequotas", "ResourceQuota", ResourceQuota)
