"""What may change of a Pod's spec (kubernetes, pkg/apis/core/validation, ValidatePodUpdate).

The real one adds to its refusal how two structures of Go differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ..refusal import Cause
from ..structural import causes

_CONTAINERS = ("containers", "initContainers")
_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def changed(new: Manifest, old: Manifest) -> Iterator[Cause]:
    """What is wrong with what a Pod became."""
    is_, was = new.get("spec") or {}, old.get("spec") or {}
    unequal = [name for name in _CONTAINERS if len(is_.get(name) or ()) != len(was.get(name) or ())]
    for name in unequal:
        yield causes.forbidden(f"spec.{name}", "pod updates may not add or remove containers")
    if unequal:
        return
    yield from _deadline(is_.get("activeDeadlineSeconds"), was.get("activeDeadlineSeconds"))
    if _rest(is_, was) != _rest(was, was):
        yield causes.forbidden("spec", _FIXED)


def _deadline(is_: int | None, was: int | None) -> Iterator[Cause]:
    where = "spec.activeDeadlineSeconds"
    if is_ is not None and was is not None and is_ > was:
        yield causes.invalid(where, is_, "must be less than or equal to previous value")
    elif is_ is None and was is not None:
        yield causes.invalid(where, None, "must not update from a positive integer to nil value")


def _rest(spec: Manifest, was: Manifest) -> Manifest:
    """A spec without what may change; ``was`` is what it was before."""
    kept = {name: each for name, each in spec.items() if name not in ("activeDeadlineSeconds", "tolerations")}
    for name in _CONTAINERS:
        if name in kept:
            kept[name] = [{**each, "image": ""} for each in kept[name] or ()]
    if was.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        kept["terminationGracePeriodSeconds"] = was["terminationGracePeriodSeconds"]
    tolerations = spec.get("tolerations") or []
    kept["tolerations"] = [each for each in was.get("tolerations") or [] if each in tolerations]
    if was.get("schedulingGates"):
        # What decides over the node may be narrowed until the gates are gone.
        for name in ("affinity", "nodeSelector", "schedulingGates"):
            kept.pop(name, None)
    return kept
