"""Admission of VirtualMachines (mutators/vm-mutator.go, admitters/vms-admitter.go, pkg/instancetype/webhooks/vm)."""

import copy
from collections.abc import Callable, Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause, Refusal
from ...apiserver.seams import Reader, Review
from .. import instancetypes
from ..settings import ACCOUNTS, Settings
from . import defaults, networks, pod, requests, schema, sizes, spec, templates
from .causes import absent, held, invalid, listed, refuse, unsupported, wrong

MUTATOR = "virtualmachines-mutator.kubevirt.io"
VALIDATOR = "virtualmachine-validator.kubevirt.io"
_STRATEGIES = ("Halted", "Manual", "Always", "RerunOnFailure", "Once")
_POLICIES = ("Ignore", "Reject")
_MATCHERS = {"instancetype": "Instancetype", "preference": "Preference"}
_AT = "spec.template.spec"


def mutate(review: Review, settings: Settings, reader: Reader, new_id: Callable[[], str]) -> Manifest | None:
    """The machine with what it leaves open. Raises Refusal."""
    vm = _checked(review, MUTATOR)
    if vm["metadata"].get("deletionTimestamp"):
        return None
    refuse(MUTATOR, _matchers(vm, review.old))
    _unserved(vm, reader)
    vm = copy.deepcopy(vm)
    guest = _guest(vm)
    if review.operation == "CREATE":
        firmware = guest["domain"].setdefault("firmware", {})
        for key in ("uuid", "serial"):
            firmware[key] = firmware.get(key) or new_id()
    guest["architecture"] = guest.get("architecture") or _offered(vm, reader) or settings.architecture
    machine = guest["domain"].setdefault("machine", {})
    machine["type"] = machine.get("type") or settings.machine(guest["architecture"])
    if review.operation == "CREATE" and defaults.has_express(guest):
        defaults.mark_topology(vm["spec"]["template"].setdefault("metadata", {}))
    refused = templates.groupless(vm)
    if refused is not None:
        raise refused
    return {**vm, "spec": schema.written(vm["spec"], schema.of_spec(review.resource.schema))}


def validate(review: Review, settings: Settings, reader: Reader) -> None:
    """Raises Refusal for a machine that must not be."""
    vm = _checked(review, VALIDATOR)
    if vm["metadata"].get("deletionTimestamp"):
        return
    judged = copy.deepcopy(vm)
    flavor = instancetypes.find(reader, vm)
    if flavor is not None:
        applied, conflicts = instancetypes.apply(_AT, flavor, _guest(judged))
        refuse(VALIDATOR, conflicts)
        judged["spec"]["template"]["spec"] = applied
    guest = _guest(judged)
    defaults.whole(guest, settings)
    if review.operation == "CREATE":
        # KubeVirt names these fields as if they were an instance's.
        refuse(VALIDATOR, networks.gone("spec", guest, settings))
    refuse(VALIDATOR, _machine(judged, settings, ours=review.user.name in ACCOUNTS))
    if review.old is None or _templates(review.old) != _templates(vm):
        refuse(VALIDATOR, templates.strangers(vm["spec"], review.namespace))
    refuse(VALIDATOR, requests.check(vm, settings, reader))


def _checked(review: Review, webhook: str) -> Manifest:
    """The machine, if it has the form of one."""
    vm = review.new
    assert vm is not None, "a machine is created or updated"
    refuse(webhook, schema.check(vm, review.resource.schema))
    trouble = schema.quantities(held(vm, "spec", "template", "spec"))
    if trouble:
        raise wrong(webhook, trouble)
    return vm


def _guest(vm: Manifest) -> Manifest:
    """The spec of its guests, with the parts that Go's types always have."""
    guest: Manifest = vm["spec"]["template"].setdefault("spec", {})
    domain = guest.setdefault("domain", {})
    for part in ("devices", "resources"):
        domain.setdefault(part, {})
    if "features" in domain:
        domain["features"].setdefault("acpi", {})
    return guest


def _templates(vm: Manifest) -> list[Manifest]:
    return listed(vm, "spec", "dataVolumeTemplates")


def _matchers(vm: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """How instancetypes and preferences are named. All of one kind are told before the other is looked at."""
    for key in _MATCHERS:
        before, after = ((each or {}).get("spec", {}).get(key) for each in (old, vm))
        if before and after and _is_stale(before, after):
            message = "the Matcher Name has been updated without updating the RevisionName"
            yield invalid(f"spec.{key}.revisionName", message)
            return
    for key, called in _MATCHERS.items():
        found = tuple(_matcher(f"spec.{key}", called, vm["spec"].get(key)))
        if found:
            yield from found
            return


def _is_stale(before: Manifest, after: Manifest) -> bool:
    """Whether another one is named while the copy of the first stays named."""
    same_copy = before.get("revisionName", "") == after.get("revisionName", "")
    return bool(after.get("revisionName")) and same_copy and before.get("name") != after.get("name")


def _matcher(field: str, called: str, matcher: Manifest | None) -> Iterator[Cause]:
    if matcher is None:
        return
    inferred, policy = matcher.get("inferFromVolume"), matcher.get("inferFromVolumeFailurePolicy")
    if not matcher.get("name") and not inferred:
        yield absent(field, f"Either Name or InferFromVolume should be provided within the {called}Matcher")
    for key in ("name", "kind"):
        if inferred and matcher.get(key):
            message = f"{key.capitalize()} already set, should be cleared before setting inferFromVolume"
            yield unsupported(f"{field}.{key}", message)
    if policy is not None and policy not in _POLICIES:
        message = f"Invalid value '{policy}' for InferFromVolumeFailurePolicy"
        yield invalid(f"{field}.inferFromVolumeFailurePolicy", message)


def _unserved(vm: Manifest, reader: Reader) -> None:
    """Raises Refusal for what nobody uses yet: preferences that exist, and what is inferred from volumes."""
    for key in _MATCHERS:
        matcher = vm["spec"].get(key) or {}
        if matcher.get("inferFromVolume") or (key == "preference" and _is_there(matcher, vm, reader)):
            raise Refusal(501, "NotImplemented", f"spec.{key} of this kind is not part of the sandbox")


def _is_there(matcher: Manifest, vm: Manifest, reader: Reader) -> bool:
    name, kind = matcher.get("name", ""), matcher.get("kind", "").lower()
    if not name:
        return False
    if kind.startswith("virtualmachinepreference"):
        namespace = vm["metadata"].get("namespace", "")
        return reader.get(instancetypes.GROUP, "virtualmachinepreferences", namespace, name) is not None
    return reader.get(instancetypes.GROUP, "virtualmachineclusterpreferences", "", name) is not None


def _offered(vm: Manifest, reader: Reader) -> str:
    """The architecture of the image that the first such template is made of."""
    for template in _templates(vm):
        source = held(template, "spec", "sourceRef")
        if source.get("kind", "").lower() != "datasource":
            continue
        namespace = source.get("namespace") or vm["metadata"].get("namespace", "")
        found = reader.get("cdi.kubevirt.io", "datasources", namespace, source.get("name", ""))
        further = held(found, "spec", "source", "dataSource")
        if further:
            found = reader.get(
                "cdi.kubevirt.io", "datasources", further.get("namespace", ""), further.get("name", "")
            )
        architecture: str = held(found, "metadata", "labels").get("template.kubevirt.io/architecture", "")
        if architecture in ("amd64", "arm64", "s390x"):
            return architecture
    return ""


def _machine(vm: Manifest, settings: Settings, *, ours: bool) -> Iterator[Cause]:
    """Everything that is wrong with a machine whose guests have their defaults."""
    given = vm["spec"]
    guest = given["template"]["spec"]
    yield from pod.metadata("spec.template.metadata", held(given, "template", "metadata"), settings, ours)
    yield from spec.check(_AT, guest, settings)
    yield from templates.check(given)
    yield from _power(given, settings)
    yield from sizes.live_update(_AT, guest, settings)


def _power(given: Manifest, settings: Settings) -> Iterator[Cause]:
    running, strategy = given.get("running"), given.get("runStrategy")
    if running is not None and strategy is not None:
        message = "Running and RunStrategy are mutually exclusive. "
        yield invalid("spec.running", message + "Note that Running is deprecated, please use RunStrategy instead")
    if running is None and strategy is None:
        yield invalid("spec.running", "RunStrategy must be specified")
    if strategy == "WaitAsReceiver" and "DecentralizedLiveMigration" not in settings.gates:
        message = (
            f"Invalid RunStrategy ({strategy}), DecentralizedLiveMigration feature gate is not enabled in kubevirt"
        )
        yield invalid("spec.runStrategy", f"{message} resource")
    elif strategy is not None and strategy != "WaitAsReceiver" and strategy not in _STRATEGIES:
        yield invalid("spec.runStrategy", f"Invalid RunStrategy ({strategy})")
