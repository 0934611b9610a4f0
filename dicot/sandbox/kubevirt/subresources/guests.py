"""What is asked of a running guest (rest/lifecycle.go, subresource.go and others), before virt-handler is told.

A check raises Refusal; it returns whether virt-handler is to be told.
"""

from collections.abc import Callable

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Refusal
from .asked import Asked, holds, phase
from .refusals import GROUP, GUEST_NOT_RUNNING, INSTANCE, MACHINE, NOT_RUNNING, bad, conflict, internal

Check = Callable[[Asked], bool]
_DRY = {"dryRun": "[]string"}
_DRAIN = "kubevirt.io/drain"


def pause(asked: Asked) -> bool:
    """Its processors stand still."""
    dry = _is_dry(asked, "PauseOptions")
    vmi = _running(asked, NOT_RUNNING)
    probe = vmi["spec"].get("livenessProbe")
    if probe is not None and "guestAgentPing" not in probe:
        raise _forbidden(asked.name, "Pausing VMIs with a non-GuestAgentPing LivenessProbe is not supported")
    if holds(vmi, "Paused"):
        raise conflict(INSTANCE, asked.name, "VMI is already paused")
    return not dry


def unpause(asked: Asked) -> bool:
    """They go on."""
    vm = asked.reader.get("kubevirt.io", "virtualmachines", asked.namespace, asked.name)
    if vm is not None and vm.get("status", {}).get("snapshotInProgress") is not None:
        raise conflict(MACHINE, asked.name, "VM snapshot is in progress")
    dry = _is_dry(asked, "UnpauseOptions")
    if not holds(_running(asked, GUEST_NOT_RUNNING), "Paused"):
        raise conflict(INSTANCE, asked.name, "VMI is not paused")
    return not dry


def freeze(asked: Asked) -> bool:
    """Its file systems hold still."""
    _running(asked, NOT_RUNNING)
    return True


def unfreeze(asked: Asked) -> bool:
    """They move again."""
    _running(asked, GUEST_NOT_RUNNING)
    return True


def reset(asked: Asked) -> bool:
    """It is switched off and on."""
    now = phase(asked.instance())
    if now not in ("Running", "Scheduled"):
        unable = f"Unable to connect to VirtualMachineInstance because phase is {now} instead of Running or Scheduled"
        raise bad(f"Failed to reset non-running VMI with phase {now}: {unable}")
    return True


def softreboot(asked: Asked) -> bool:
    """It is told to start again."""
    vmi = _running(asked, NOT_RUNNING)
    if holds(vmi, "Paused", "True"):
        raise conflict(INSTANCE, asked.name, "VMI is paused")
    features = vmi["spec"]["domain"].get("features") or {}
    deaf = (features.get("acpi") or {}).get("enabled") is False
    if deaf and not holds(vmi, "AgentConnected"):
        why = "VMI neither have the agent connected nor the ACPI feature enabled"
        raise conflict(INSTANCE, asked.name, why)
    return True


def agent(asked: Asked) -> bool:
    """What the guest's agent tells."""
    if not holds(_running(asked, GUEST_NOT_RUNNING), "AgentConnected"):
        raise conflict(INSTANCE, asked.name, "VMI does not have guest agent connected")
    return True


def screen(asked: Asked) -> bool:
    """Its screen."""
    vmi = asked.instance()
    if vmi["spec"]["domain"]["devices"].get("autoattachGraphicsDevice") is False:
        raise bad("No graphics devices are present.")
    if phase(vmi) != "Running":
        raise bad(GUEST_NOT_RUNNING)
    return True


def console(asked: Asked) -> bool:
    """Its serial console."""
    vmi = asked.instance()
    if vmi["spec"]["domain"]["devices"].get("autoattachSerialConsole") is False:
        raise bad("No serial consoles are present.")
    if phase(vmi) == "Failed":
        raise conflict(INSTANCE, asked.name, "VMI is in failed status")
    if phase(vmi) != "Running":
        raise bad(GUEST_NOT_RUNNING)
    return True


def usb(asked: Asked) -> bool:
    """Devices of the client's, plugged in."""
    vmi = asked.instance()
    if "clientPassthrough" not in vmi["spec"]["domain"]["devices"]:
        raise conflict(INSTANCE, asked.name, "Not configured with USB Redirection")
    if phase(vmi) != "Running":
        raise bad(GUEST_NOT_RUNNING)
    return True


def vsock(asked: Asked) -> bool:
    """A socket to the guest past its networks."""
    if not asked.instance()["spec"]["domain"]["devices"].get("autoattachVSOCK"):
        raise bad("VSOCK is not attached.")
    return True


def port(asked: Asked) -> bool:
    """A port of an instance."""
    return _port(asked.name, asked.instance())


def machine_port(asked: Asked) -> bool:
    """A port of a machine's instance."""
    return _port(asked.name, of_machine(asked))


def backup(asked: Asked) -> bool:
    """A copy of its disks."""
    _running(asked, NOT_RUNNING)
    return True


def checkpoint(asked: Asked) -> bool:
    """Where its last copy ended."""
    tracked = asked.instance().get("status", {}).get("changedBlockTracking") or {}
    if tracked.get("state") != "Enabled":
        raise conflict(INSTANCE, asked.name, "ChangedBlockTracking is not enabled")
    return True


def of_machine(asked: Asked) -> Manifest:
    """The instance of a machine. Raises Refusal."""
    vm = asked.machine()
    if not vm.get("status", {}).get("created"):
        raise conflict(MACHINE, asked.name, "VMI is not started")
    vmi = asked.instance()
    owners = vmi["metadata"].get("ownerReferences") or ()
    if all(each["uid"] != vm["metadata"]["uid"] for each in owners):
        raise internal(f"unable to retrieve vmi [{asked.name}] for vm: <nil>")
    return vmi


def evacuating(asked: Asked, vmi: Manifest) -> str:
    """The node that a guest is about to leave, "" where it stays. Raises Refusal (rest/evacuate_cancel.go)."""
    status = vmi.get("status", {})
    leaving: str = status.get("evacuationNodeName", "")
    name = leaving or status.get("nodeName", "")
    if not name:
        raise internal("resource name may not be empty")
    node = asked.reader.get("", "nodes", "", name)
    if node is None:
        raise internal(f'nodes "{name}" not found')
    taints = node.get("spec", {}).get("taints") or ()
    if any((each["key"], each["effect"]) == (_DRAIN, "NoSchedule") for each in taints):
        raise bad(f'Node "{name}" has NodeDrainTaintKey "{_DRAIN}:NoSchedule"')
    return leaving


def _running(asked: Asked, otherwise: str) -> Manifest:
    vmi = asked.instance()
    if phase(vmi) != "Running":
        raise conflict(INSTANCE, asked.name, otherwise)
    return vmi


def _is_dry(asked: Asked, kind: str) -> bool:
    return bool((asked.options(kind, _DRY).get("dryRun") or [""])[0] == "All")


def _port(name: str, vmi: Manifest) -> bool:
    if holds(vmi, "Paused"):
        raise conflict(INSTANCE, name, "VMI is paused")
    if not vmi.get("status", {}).get("interfaces"):
        raise bad("no network interfaces are present")
    return True


def _forbidden(name: str, why: str) -> Refusal:
    return Refusal(403, "Forbidden", f'{INSTANCE}.{GROUP} "{name}" is forbidden: {why}', GROUP, INSTANCE, name)
