"""How KubeVirt is set up, as its KubeVirt object says (virt-config: what it leaves out has the defaults below)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dicot.kube.kind import Manifest

NAMESPACE = "kubevirt"
ACCOUNTS = frozenset(
    f"system:serviceaccount:{NAMESPACE}:kubevirt-{name}"
    for name in ("apiserver", "controller", "handler", "synchronization-controller")
)
"""KubeVirt's own programs, which may write what nobody else may."""
MACHINES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "amd64": ("q35", ("q35*", "pc-q35*")),
    "arm64": ("virt", ("virt*",)),
    "s390x": ("s390-ccw-virtio", ("s390-ccw-virtio*",)),
}
"""The default machine type and the patterns of all that are supported, by architecture; amd64's for others."""
HOTPLUG_RATIO = 4
MIGRATIONS: Mapping[str, Any] = {
    "allowAutoConverge": False,
    "allowPostCopy": False,
    "bandwidthPerMigration": "0",
    "completionTimeoutPerGiB": 150,
    "nodeDrainTaintKey": "kubevirt.io/drain",
    "parallelMigrationsPerCluster": 5,
    "parallelOutboundMigrationsPerNode": 2,
    "progressTimeout": 150,
    "unsafeMigrationOverride": False,
    "utilityVolumesTimeout": 150,
}
"""How guests are moved, where nothing else is configured."""


MOVE = "LiveMigrate"
"""The one of its workloadUpdateMethods by which guests are moved that were changed while they run."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What admission and the subresources ask of it."""

    architecture: str = ""
    gates: frozenset[str] = frozenset()
    machine_type: str = ""
    emulated_machines: tuple[str, ...] = ()
    cpu_model: str = "host-model"
    eviction: str = "None"
    interface: str = "bridge"
    bridged: bool = True
    live_update: bool = True
    ratio: int = HOTPLUG_RATIO
    migrations: Mapping[str, Any] = field(default_factory=lambda: MIGRATIONS)
    methods: frozenset[str] = frozenset()

    def machine(self, architecture: str) -> str:
        """The machine type of a guest that names none."""
        return self.machine_type or MACHINES.get(architecture, MACHINES["amd64"])[0]

    def machines(self, architecture: str) -> tuple[str, ...]:
        """Patterns of the machine types that are supported."""
        return self.emulated_machines or MACHINES.get(architecture, MACHINES["amd64"])[1]


def settings(kubevirt: Manifest | None) -> Settings:
    """The settings of a KubeVirt object."""
    if kubevirt is None:
        return Settings()
    spec: dict[str, Any] = kubevirt.get("spec", {}).get("configuration", {})
    architecture = kubevirt.get("status", {}).get("defaultArchitecture", "")
    by_architecture = spec.get("architectureConfiguration", {}).get(architecture, {})
    network = spec.get("network", {})
    migrations = {**MIGRATIONS, **spec.get("migrations", {})}
    migrations.setdefault("allowWorkloadDisruption", migrations["allowPostCopy"])
    return Settings(
        architecture=architecture,
        gates=frozenset(spec.get("developerConfiguration", {}).get("featureGates", ())),
        machine_type=by_architecture.get("machineType", ""),
        emulated_machines=tuple(by_architecture.get("emulatedMachines", ())),
        cpu_model=spec.get("cpuModel") or "host-model",
        eviction=spec.get("evictionStrategy", "None"),
        interface=network.get("defaultNetworkInterface", "bridge"),
        bridged=network.get("permitBridgeInterfaceOnPodNetwork", True),
        live_update=spec.get("vmRolloutStrategy", "LiveUpdate") == "LiveUpdate",
        ratio=spec.get("liveUpdateConfiguration", {}).get("maxHotplugRatio", HOTPLUG_RATIO),
        migrations=migrations,
        methods=frozenset(kubevirt["spec"].get("workloadUpdateStrategy", {}).get("workloadUpdateMethods", ())),
    )
