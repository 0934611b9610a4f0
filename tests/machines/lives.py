"""Lives of machines: what is made, what happens to it, and what virt-controller shows of it meanwhile.

Words are each ``printableStatus`` in a row, "-" before there is one, with "!" behind it while a request is pending.
Where two writers race (a Pod that is quick, a status that was overtaken) a word may be missing: the patterns say
which.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicot.sandbox.marks import FAULT
from tests.cluster.objects import Document, named
from tests.cluster.shared import CHOICE, SANDBOX
from tests.live.seen.objects import (
    NOWHERE,
    URL,
    conditions,
    disk_of,
    from_image,
    from_source,
    machine,
    printable,
    requests,
    rooted,
    says,
    volume,
)

if TYPE_CHECKING:
    from tests.contract_virt_controller import Lives

IMPORT = from_source({"http": {"url": URL}})
BLANK = from_source({"blank": {}})
NO_IMAGE: Document = {
    "sourceRef": {"kind": "DataSource", "name": "missing"},
    "storage": {"resources": {"requests": {"storage": "1Gi"}}},
}
UNPLUGGED: Document = {
    "domain": {"devices": {"interfaces": [{"name": "lan", "bridge": {}}], "disks": [{"name": "root", "disk": {}}]}},
    "networks": [{"name": "lan", "multus": {"networkName": "missing"}}],
}
Play = Callable[["Lives", str], Awaitable[None]]


@dataclass(frozen=True)
class Life:
    """``play`` brings a machine to its end, from which on nothing changes by itself. ``words`` and ``phases`` are
    patterns of what it and its instances have shown. ``whole``: its objects are then compared as they are."""

    cast: Sequence[Document]
    play: Play
    words: str
    phases: str = ""
    whole: bool = True


def shows(*words: str) -> Play:
    """Wait for a word."""

    async def play(test: Lives, name: str) -> None:
        await test.shows(name, *words)

    return play


def fails(reason: str) -> Play:
    """Wait for a Failure."""

    async def play(test: Lives, name: str) -> None:
        await test.holds(name, reason, lambda vm: says(vm, "Failure") == ("True", reason))

    return play


def is_ready(vm: Document) -> bool:
    """Whether it runs, and nothing is pending."""
    return printable(vm) == "Running" and says(vm, "Ready")[0] == "True" and not requests(vm)


def is_at_rest(vm: Document) -> bool:
    """Whether it is stopped, and its instance gone."""
    return printable(vm) == "Stopped" and not requests(vm) and "created" not in vm["status"]


async def runs(test: Lives, name: str) -> None:
    """Wait until it runs."""
    await test.holds(name, "running", is_ready)


async def rests(test: Lives, name: str) -> None:
    """Wait until it is at rest."""
    await test.holds(name, "at rest", lambda vm: is_at_rest(vm) and says(vm, "Ready")[1] == "VMINotExists")


async def restarted(test: Lives, name: str) -> None:
    """Restart it, and wait until another instance runs."""
    await runs(test, name)
    await _until_another(test, name, lambda: test.told(name, "restart"))


async def _until_another(test: Lives, name: str, act: Callable[[], Awaitable[object]]) -> None:
    path = f"{test.guests}/{name}"
    old = (await test.control.get(path))["metadata"]["uid"]
    await act()

    async def another() -> bool:
        return bool((await test.control.get(path))["metadata"]["uid"] != old)

    await test.control.until(60, f"another {name}", another)
    await runs(test, name)


async def started_and_stopped(test: Lives, name: str) -> None:
    """Start it, stop it."""
    await rests(test, name)
    await test.told(name, "start")
    await runs(test, name)
    await test.told(name, "stop")
    await rests(test, name)


async def stopped(test: Lives, name: str) -> None:
    """Stop it while it runs."""
    await runs(test, name)
    await test.told(name, "stop")
    await rests(test, name)


async def paused_and_stopped(test: Lives, name: str) -> None:
    """Pause it, then stop it."""
    await runs(test, name)
    await test.pause(name)
    await test.holds(name, "paused", lambda vm: printable(vm) == "Paused" and says(vm, "Ready")[0] == "False")
    await test.told(name, "stop")
    await rests(test, name)


def fault(word: str, then: Play) -> Play:
    """Have something go wrong in its instance."""

    async def play(test: Lives, name: str) -> None:
        await runs(test, name)
        await test.change(f"{test.guests}/{name}", {"metadata": {"annotations": {FAULT: word}}})
        await then(test, name)

    return play


async def crashed(test: Lives, name: str) -> None:
    """Its instance fails, and another takes its place."""
    await runs(test, name)
    patch = {"metadata": {"annotations": {FAULT: "crash"}}}
    await _until_another(test, name, lambda: test.change(f"{test.guests}/{name}", patch))


async def shut_down_and_back(test: Lives, name: str) -> None:
    """Its instance powers itself off, and another takes its place."""
    await runs(test, name)
    patch = {"metadata": {"annotations": {FAULT: "shutdown"}}}
    await _until_another(test, name, lambda: test.change(f"{test.guests}/{name}", patch))


async def ended(test: Lives, name: str) -> None:
    """Its instance has ended, and stays."""
    await test.holds(
        name, "ended", lambda vm: printable(vm) == "Stopped" and says(vm, "Ready")[1] == "PodTerminating"
    )


async def loops(test: Lives, name: str) -> None:
    """It has failed once, and waits."""
    await test.holds(
        name,
        "a back-off",
        lambda vm: printable(vm) == "CrashLoopBackOff" and "created" not in vm["status"],
    )


async def fails_for_good(test: Lives, name: str) -> None:
    """It has failed, and its instance stays."""
    await test.holds(
        name,
        "a failure",
        lambda vm: printable(vm) == "CrashLoopBackOff" and says(vm, "Ready")[1] == "PodTerminating",
    )


async def removed(test: Lives, name: str) -> None:
    """Delete it while it runs."""
    await runs(test, name)
    await test.control.change("DELETE", f"{test.machines}/{name}")
    await test.vanishes(f"{test.machines}/{name}")
    await test.vanishes(f"{test.guests}/{name}")


async def resized(test: Lives, name: str) -> None:
    """A flavor with more sockets is plugged in; its memory wants a restart; the way back is shut."""
    await runs(test, name)
    await test.change(f"{test.machines}/{name}", {"spec": {"instancetype": {"name": "m1.medium"}}})
    await test.holds(name, "RestartRequired", lambda vm: "RestartRequired" in conditions(vm))
    await test.becomes(f"{test.guests}/{name}", "HotVCPUChange", lambda vmi: "HotVCPUChange" in conditions(vmi))
    await test.holds(name, "HotVCPUChange", lambda vm: "HotVCPUChange" in conditions(vm))


async def edited(test: Lives, name: str) -> None:
    """What wants a restart, and is taken back."""
    await runs(test, name)
    path = f"{test.machines}/{name}"
    await test.change(path, {"spec": {"template": {"spec": {"hostname": "other"}}}})
    await test.holds(name, "RestartRequired", lambda vm: "RestartRequired" in conditions(vm))
    await test.change(path, {"spec": {"template": {"spec": {"hostname": None}}}})
    await test.holds(
        name,
        "no RestartRequired",
        lambda vm: "RestartRequired" not in conditions(vm) and vm["status"].get("observedGeneration") == 3,
    )


async def late(test: Lives, name: str) -> None:
    """Its disk comes after it."""
    await test.shows(name, "ErrorPvcNotFound")
    await test.make(volume(name, BLANK))
    await runs(test, name)


async def pulls(test: Lives, name: str) -> None:
    """Its images cannot be pulled."""
    await test.shows(name, "ImagePullBackOff")


async def settles(test: Lives, name: str) -> None:
    """Whatever it shows, its instance has been told what is missing."""
    await test.holds(name, "not synchronized", lambda vm: says(vm, "Synchronized")[0] == "False")


START = "(-|-!)( Stopped)?( Provisioning)?( Stopped)?"
BOOT = f"{START}( Starting)? Running"
AGAIN = "( Stopping!?)?( Stopped!?)*( Starting!?)* Running"
STOP = "( Running!)?( Stopping!?)*( Stopped!?)* Stopped"
FAILED = "Pending( Scheduling)?( Scheduled)? Failed( Pending( Scheduling)?( Scheduled)? Failed)*"
TRIES = f"{FAILED}( Pending( Scheduling)?( Scheduled)?)?"
"""The next try may be on its way when others have ended."""
ONE = "Pending( Scheduling)?( Scheduled)? Running"
INSTANCETYPE = named(
    "VirtualMachineInstancetype",
    "four",
    None,
    "instancetype.kubevirt.io/v1beta1",
    spec={"cpu": {"guest": 4}, "memory": {"guest": "1Gi"}},
)
PREFERENCE = named(
    "VirtualMachinePreference",
    "cored",
    None,
    "instancetype.kubevirt.io/v1beta1",
    spec={
        "cpu": {"preferredCPUTopology": "cores"},
        "devices": {"preferredDiskBus": "sata", "preferredInterfaceModel": "e1000", "preferredRng": {}},
        "features": {"preferredSmm": {}},
    },
)
PREFERRED = {
    "instancetype": {"kind": "VirtualMachineInstancetype", "name": "four"},
    "preference": {"kind": "VirtualMachinePreference", "name": "cored"},
}

PREFERENCES = ("unpreferred", "preferred")
"""Lives that virt-api's part of the sandbox does not admit: nobody here uses preferences."""
ALL_LIVES: dict[str, Life] = {
    "plain": Life((machine("plain"),), runs, BOOT, ONE),
    "stopped": Life((machine("stopped"),), stopped, f"{BOOT}{STOP}", f"{ONE} Succeeded"),
    "restarted": Life((machine("restarted"),), restarted, f"{BOOT}( Running!)?{AGAIN}", f"{ONE} Succeeded {ONE}"),
    "always": Life(
        (machine("always", runStrategy="Always"),),
        restarted,
        f"{BOOT}( Running!)?{AGAIN}",
        f"{ONE} Succeeded {ONE}",
    ),
    "always-off": Life(
        (machine("always-off", runStrategy="Always"),), shut_down_and_back, f"{BOOT}{AGAIN}", f"{ONE} Succeeded {ONE}"
    ),
    "manual": Life(
        (machine("manual", runStrategy="Manual"),),
        started_and_stopped,
        f"- Stopped( Stopped!)?( Starting!?)* Running{STOP}",
        f"{ONE} Succeeded",
    ),
    "halted": Life(
        (machine("halted", runStrategy="Halted"),),
        started_and_stopped,
        f"- Stopped( Starting)? Running{STOP}",
        f"{ONE} Succeeded",
    ),
    "once": Life(
        (machine("once", runStrategy="Once"),), fault("shutdown", ended), f"{BOOT} Stopped", f"{ONE} Succeeded"
    ),
    "once-fails": Life(
        (machine("once-fails", notes={FAULT: "crash-loop"}, runStrategy="Once"),),
        fails_for_good,
        f"{START}(( Starting)? CrashLoopBackOff)+",
        FAILED,
    ),
    "rerun-off": Life(
        (machine("rerun-off"),), fault("shutdown", rests), f"{BOOT}( Stopping)? Stopped", f"{ONE} Succeeded"
    ),
    "rerun-crash": Life((machine("rerun-crash"),), crashed, f"{BOOT}( Running!)?{AGAIN}", f"{ONE} Failed {ONE}"),
    "loops": Life(
        (machine("loops", notes={FAULT: "crash-loop"}),),
        loops,
        f"{START}(( Starting!?)*( Stopped!)? CrashLoopBackOff!)+( Starting!?)*( Stopped!)?",
        TRIES,
    ),
    "loops-always": Life(
        (machine("loops-always", notes={FAULT: "crash-loop"}, runStrategy="Always"),),
        loops,
        f"{START}(( Starting)? CrashLoopBackOff)+( Starting)?",
        TRIES,
    ),
    "paused": Life((machine("paused"),), paused_and_stopped, f"{BOOT} Paused( Paused!)?{STOP}", f"{ONE} Succeeded"),
    "removed": Life((machine("removed"),), removed, f"{BOOT}( Terminating)+", f"{ONE} Succeeded"),
    "pulls": Life(
        (machine("pulls", notes={FAULT: "image-pull"}),),
        pulls,
        f"{START}( Starting)?( ErrImagePull)? ImagePullBackOff",
        "Pending Scheduling",
    ),
    "nowhere": Life(
        (machine("nowhere", inner=NOWHERE),),
        shows("ErrorUnschedulable"),
        f"{START}( Starting)? ErrorUnschedulable",
        "Pending Scheduling",
    ),
    "flavorless": Life(
        (machine("flavorless", instancetype={"name": "missing"}),), fails("FailedFindInstancetype"), "- Stopped"
    ),
    "unpreferred": Life(
        (machine("unpreferred", preference={"name": "missing"}),), fails("FailedFindPreference"), "- Stopped"
    ),
    "preferred": Life((INSTANCETYPE, PREFERENCE, machine("preferred", **PREFERRED)), runs, BOOT, ONE),
    "unplugged": Life((machine("unplugged", inner=UNPLUGGED),), settles, "- Stopped Starting", "Pending"),
    "diskless": Life(
        (machine("diskless", disk_of("missing")),),
        shows("ErrorPvcNotFound"),
        "- Stopped( Starting)? ErrorPvcNotFound",
        "Pending",
    ),
    "late": Life(
        (machine("late", disk_of("late")),),
        late,
        "- Stopped( Starting)? ErrorPvcNotFound( \\w+)* Running",
        ONE,
        whole=False,
    ),
    "imported": Life((rooted("imported", IMPORT),), runs, BOOT, ONE),
    "broken": Life(
        (rooted("broken", IMPORT, {FAULT: "import"}),), shows("DataVolumeError"), f"{START} DataVolumeError"
    ),
    "denied": Life((rooted("denied", from_image()),), fails("FailedCreate"), "- Stopped"),
    "imageless": Life((rooted("imageless", NO_IMAGE),), fails("FailedCreate"), "- Stopped"),
    "resized": Life((machine("resized"),), resized, BOOT, ONE),
    "edited": Life((machine("edited"),), edited, BOOT, ONE),
}
ON_SANDBOX = os.environ.get(CHOICE) == SANDBOX
LIVES = {name: life for name, life in ALL_LIVES.items() if not (ON_SANDBOX and name in PREFERENCES)}
