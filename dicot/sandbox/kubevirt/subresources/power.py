"""start, stop, restart and migrate of a machine (rest/lifecycle.go): functions to what is written."""

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from .asked import FINAL, Asked, holds, is_dry, phase
from .refusals import MACHINE, NOT_RUNNING, bad, conflict, internal
from .writes import Drop, Edit, Make, Write, instance, machine

_UNDERWAY = "unable to complete request: stop/start already underway"
_BOTH = (
    "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead"
)
_UNRECOVERED = (
    "VM recovery required: Volume migration failed, leaving some volumes pointing to non-consistent targets; manual "
    "intervention is needed to reassign them to their original volumes."
)
_LAUNCHER = ("kubevirt.io", "virt-launcher")
_CREATED_BY = "kubevirt.io/created-by"


def start(asked: Asked) -> tuple[Write, ...]:
    """Ask for a guest, or turn the machine on."""
    vm, vmi = asked.machine(), asked.any_instance()
    if vmi is not None and phase(vmi) not in (*FINAL, "Unknown", ""):
        raise conflict(MACHINE, asked.name, "VM is already running")
    if holds(vm, "ManualRecoveryRequired", "True"):
        raise conflict(MACHINE, asked.name, _UNRECOVERED)
    options = asked.options("StartOptions", {"paused": "bool", "dryRun": "[]string"})
    request: Manifest = {"action": "Start"}
    if options.get("paused"):
        request["data"] = {"paused": "true"}
    strategy = _strategy(vm)
    if strategy in ("Always", "Once", "WaitAsReceiver"):
        raise conflict(MACHINE, asked.name, f"{strategy} does not support manual start requests")
    if strategy == "Halted":
        turned = (_request(vm, request),) if "data" in request else (_turn(vm, on=True),)
        return tuple(_edits(turned, is_dry(options, "PatchOptions")))
    if vmi is not None and phase(vmi) in FINAL:
        if strategy == "RerunOnFailure" and phase(vmi) == "Failed":
            raise conflict(MACHINE, asked.name, f"{strategy} does not support starting VM from failed state")
        return tuple(_edits((_request(vm, _stop(vmi), request),), is_dry(options, "PatchOptions")))
    return tuple(_edits((_request(vm, request),), is_dry(options, "PatchOptions")))


def stop(asked: Asked) -> tuple[Write, ...]:
    """Ask for the guest's end, or turn the machine off."""
    options = asked.options("StopOptions", {"gracePeriod": "int64", "dryRun": "[]string"})
    vm, vmi = asked.machine(), asked.any_instance()
    strategy, grace = _strategy(vm), options.get("gracePeriod")
    turned = strategy in ("Always", "Once")
    runs = vmi is not None and phase(vmi) not in FINAL
    if not turned and not runs:
        raise conflict(MACHINE, asked.name, NOT_RUNNING)
    own = vmi["spec"].get("terminationGracePeriodSeconds") if vmi is not None else None
    if strategy == "Halted" and (grace is None or (own is not None and grace >= own)):
        why = "Halted only supports manual stop requests with a shorter graceperiod"
        raise conflict(MACHINE, asked.name, why)
    dry = is_dry(options, "PatchOptions")
    before: tuple[Write, ...] = ()
    if vmi is not None and runs and grace is not None:
        path = "/spec/terminationGracePeriodSeconds"
        patch = ({"op": "test", "path": path, "value": own}, {"op": "replace", "path": path, "value": grace})
        before = (Edit(instance(vmi), patch, dry),)
    if turned or vmi is None:
        return (*before, *_edits((_turn(vm, on=False),), dry))
    return (*before, *_edits((_request(vm, _stop(vmi)),), dry))


def restart(asked: Asked) -> tuple[Write, ...]:
    """Ask for another guest in place of this one."""
    options = asked.options("RestartOptions", {"gracePeriodSeconds": "int64", "dryRun": "[]string"})
    grace = options.get("gracePeriodSeconds")
    if grace is not None and grace > 0:
        raise bad("For force restart, only gracePeriod=0 is supported for now")
    if grace is not None and grace < 0:
        raise bad("gracePeriod has to be greater or equal to 0")
    vm = asked.machine()
    if holds(vm, "VolumesChange", "True"):
        raise conflict(MACHINE, asked.name, _UNRECOVERED)
    strategy = _strategy(vm)
    if strategy in ("Halted", "Once"):
        raise conflict(MACHINE, asked.name, f"RunStategy {strategy} does not support manual restart requests")
    vmi = asked.any_instance()
    if vmi is None:
        raise conflict(MACHINE, asked.name, "VM is not running: Halted")
    dry = is_dry(options, "PatchOptions")
    edits = _edits((_request(vm, _stop(vmi), {"action": "Start"}),), dry)
    return (*edits, *(_launcher(asked, vmi) if grace == 0 else ()))


def migrate(asked: Asked) -> tuple[Write, ...]:
    """Move a guest to another node."""
    options = asked.options("MigrateOptions", {"addedNodeSelector": "map[string]string", "dryRun": "[]string"})
    asked.machine()
    if phase(asked.instance()) != "Running":
        raise conflict(MACHINE, asked.name, NOT_RUNNING)
    spec: Manifest = {"vmiName": asked.name}
    if options.get("addedNodeSelector"):
        spec["addedNodeSelector"] = options["addedNodeSelector"]
    kind, version = "VirtualMachineInstanceMigration", "kubevirt.io/v1"
    body = {"apiVersion": version, "kind": kind, "metadata": {"generateName": "kubevirt-migrate-vm-"}, "spec": spec}
    at = Place("kubevirt.io", "v1", "virtualmachineinstancemigrations", asked.namespace)
    return (Make(at, body, is_dry(options, "CreateOptions")),)


def _strategy(vm: Manifest) -> str:
    running, strategy = vm["spec"].get("running"), vm["spec"].get("runStrategy")
    if running is not None and strategy is not None:
        raise internal(_BOTH)
    if running is not None:
        return "Always" if running else "Halted"
    return strategy or "Halted"


def _stop(vmi: Manifest) -> Manifest:
    return {"action": "Stop", "uid": vmi["metadata"]["uid"]}


def _edits(edits: tuple[tuple[Place, tuple[Manifest, ...]], ...], dry: bool) -> tuple[Edit, ...]:
    return tuple(Edit(at, patch, dry) for at, patch in edits)


def _turn(vm: Manifest, *, on: bool) -> tuple[Place, tuple[Manifest, ...]]:
    """Change the strategy itself."""
    key, value = ("runStrategy", "Always" if on else "Halted") if vm["spec"].get("runStrategy") else ("running", on)
    path = f"/spec/{key}"
    old = vm["spec"].get(key)
    return machine(vm), ({"op": "test", "path": path, "value": old}, {"op": "replace", "path": path, "value": value})


def _request(vm: Manifest, *changes: Manifest) -> tuple[Place, tuple[Manifest, ...]]:
    """Leave requests to virt-controller. Only a stop takes the place of others."""
    status, at, path = vm.get("status"), machine(vm, "status"), "/status/stateChangeRequests"
    requests = list(changes)
    if not status:
        return at, ({"op": "add", "path": "/status", "value": {"stateChangeRequests": requests}},)
    pending = status.get("stateChangeRequests")
    if pending and not (len(requests) == 1 and requests[0]["action"] == "Stop"):
        raise internal(_UNDERWAY)
    patch: tuple[Manifest, ...] = (
        {"op": "test", "path": path, "value": pending},
        {"op": "replace" if pending else "add", "path": path, "value": requests},
    )
    forget = ({"op": "remove", "path": "/status/startFailure"},) if status.get("startFailure") is not None else ()
    return at, (*patch, *forget)


def _launcher(asked: Asked, vmi: Manifest) -> tuple[Drop, ...]:
    """Let the launcher end in a second."""
    key, value = _LAUNCHER
    for pod in asked.reader.list("", "pods", asked.namespace):
        labels = pod["metadata"].get("labels", {})
        ours = labels.get(key) == value and labels.get(_CREATED_BY) == vmi["metadata"]["uid"]
        if ours and pod.get("status", {}).get("phase") == "Running":
            return (Drop(Place("", "v1", "pods", asked.namespace, pod["metadata"]["name"]), 1),)
    return ()
