"""Admission of VirtualMachineInstances (mutators/vmi-mutator.go, vmi-create-admitter.go, vmi-update-admitter.go)."""

import copy
from collections.abc import Callable, Iterator

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...apiserver.refusal import Cause, Refusal
from ...apiserver.seams import Review
from ..settings import ACCOUNTS, Settings
from . import defaults, networks, plugged, pod, schema, spec, volumes
from .causes import held, invalid, refuse, required, unsupported, wrong
from .sizes import quantity

MUTATOR = "virtualmachineinstances-mutator.kubevirt.io"
CREATED = "virtualmachineinstances-create-validator.kubevirt.io"
UPDATED = "virtualmachineinstances-update-validator.kubevirt.io"
FINALIZER = "kubevirt.io/foregroundDeleteVirtualMachine"
USER = 107
"""Whom a launcher runs as."""
_ELSEWHERE = ("arm64", "s390x")


def mutate(review: Review, settings: Settings, new_id: Callable[[], str], now: str) -> Manifest | None:
    """A new instance with its defaults; an update of the status by anybody but KubeVirt is undone. Raises Refusal."""
    vmi = _checked(review, MUTATOR)
    if review.old is not None:
        if review.user.name in ACCOUNTS or vmi.get("status") == review.old.get("status"):
            return None
        kept = {key: value for key, value in vmi.items() if key != "status"}
        return {**kept, "status": review.old["status"]} if "status" in review.old else kept
    vmi = copy.deepcopy(vmi)
    vmi["spec"].setdefault("domain", {}).setdefault("devices", {})
    defaults.instance(vmi, settings, new_id)
    if defaults.has_express(vmi["spec"]):
        defaults.mark_topology(vmi["metadata"])
    vmi["metadata"].setdefault("finalizers", []).append(FINALIZER)
    moments = vmi["status"].setdefault("phaseTransitionTimestamps", [])
    moments.append({"phase": "Pending", "phaseTransitionTimestamp": now})
    vmi["status"] |= {"phase": "Pending", "runtimeUser": USER, "guestOSInfo": vmi["status"].get("guestOSInfo", {})}
    return {**vmi, "spec": schema.written(vmi["spec"], schema.of_spec(review.resource.schema))}


def validate_new(review: Review, settings: Settings) -> None:
    """Raises Refusal for an instance that must not be."""
    vmi = _checked(review, CREATED)
    architecture = vmi["spec"].get("architecture", "")
    if architecture in _ELSEWHERE:
        raise Refusal(501, "NotImplemented", f"guests of {architecture} are not part of the sandbox")
    refuse(CREATED, _instance(vmi, settings, ours=review.user.name in ACCOUNTS))


def validate_change(review: Review, settings: Settings) -> None:
    """Raises Refusal for what only KubeVirt may change, and for what not even it may."""
    new, old = _checked(review, UPDATED), review.old or {}
    ours = review.user.name in ACCOUNTS
    if new["spec"] != old["spec"]:
        if not ours:
            refuse(UPDATED, (unsupported("", "update of VMI object is restricted"),))
        refuse(UPDATED, _grown(old["spec"], new["spec"]))
        refuse(UPDATED, plugged.check(old, new, settings))
    before, after = (_reserved(each) for each in (old, new))
    if not ours and before != after:
        message = "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
        refuse(UPDATED, (unsupported("", message),))


def _checked(review: Review, webhook: str) -> Manifest:
    """The instance, if it has the form of one."""
    vmi = review.new
    assert vmi is not None, "an instance is created or updated"
    refuse(webhook, schema.check(vmi, review.resource.schema))
    trouble = schema.quantities(vmi["spec"])
    if trouble:
        raise wrong(webhook, trouble)
    return vmi


def _reserved(vmi: Manifest) -> Manifest:
    labels = held(vmi, "metadata", "labels")
    return {key: value for key, value in labels.items() if key in pod.RESERVED_LABELS}


def _instance(vmi: Manifest, settings: Settings, *, ours: bool) -> Iterator[Cause]:
    given = vmi["spec"]
    # Networks are asked about twice.
    yield from networks.gone("spec", given, settings)
    yield from networks.check("spec", given, settings)
    yield from spec.check("spec", given, settings)
    yield from volumes.mapped("spec", given)
    memory = held(given, "domain", "memory")
    if not quantity(given, "resources", "requests", "memory") and not memory.keys() & {"guest", "hugepages"}:
        ways = "'spec.domain.memory.guest', 'spec.domain.memory.hugepages.pageSize' or "
        message = f"no memory requested, at least one of {ways}'spec.domain.resources.requests.memory' must be set"
        yield required("", message)
    yield from pod.metadata("metadata", vmi["metadata"], settings, ours)
    if given.get("architecture") != "amd64":
        yield invalid("spec.architecture", f"unsupported architecture: {given.get('architecture', '')}")


def _grown(old: Manifest, new: Manifest) -> Iterator[Cause]:
    """What stays as it is while processors and memory are plugged in."""
    before, after = (held(each, "domain", "cpu").get("maxSockets", 0) for each in (old, new))
    if before != after:
        yield invalid("", "CPU topology maxSockets changed")
        return
    first, then = (held(each, "domain", "memory").get("maxGuest") for each in (old, new))
    if first is not None and then is not None and amount(first) != amount(then):
        yield invalid("", "Memory maxGuest changed")
