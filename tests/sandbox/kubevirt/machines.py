"""What machines are offered, by what is special about each."""

from __future__ import annotations

from collections.abc import Mapping

from .offers import FLAVOR, OWN_UUID, Changes
from .parts import CLOUD, DISKS, NETWORKED, PLACED, PORTS, STORED

POWER: Mapping[str, Changes] = {
    "as it is": {},
    "always": {"spec.runStrategy": "Always"},
    "manual": {"spec.runStrategy": "Manual"},
    "rerun on failure": {"spec.runStrategy": "RerunOnFailure"},
    "once": {"spec.runStrategy": "Once"},
    "unknown strategy": {"spec.runStrategy": "Sometimes"},
    "waits as receiver": {"spec.runStrategy": "WaitAsReceiver"},
    "running in the old way": {"spec.runStrategy": ..., "spec.running": False},
    "running and strategy": {"spec.running": True},
    "neither running nor strategy": {"spec.runStrategy": ...},
    "strategy is a number": {"spec.runStrategy": 5},
    "running is a word": {"spec.runStrategy": ..., "spec.running": "yes"},
    "no template": {"spec.template": ...},
    "empty template": {"spec.template": {}},
    "template without domain": {"~domain": ...},
    "template with empty domain": {"~domain": {}},
    "no spec": {"spec": ...},
    "disks are a word": {DISKS: "none"},
    "unknown field": {"~domain.colour": "red"},
    "disk without name": {f"{DISKS}.0.name": ...},
    "volume without name": {"~volumes.0.name": ...},
    "started paused": {"~startStrategy": "Paused"},
    "started otherwise": {"~startStrategy": "Slowly"},
    "started paused with liveness probe": {
        "~startStrategy": "Paused",
        "~livenessProbe": {"guestAgentPing": {}},
    },
}
DOMAIN: Mapping[str, Changes] = {
    "machine type": {"~domain.machine": {"type": "pc-q35-rhel9.6.0"}},
    "machine without type": {"~domain.machine": {}},
    "machine type unknown": {"~domain.machine": {"type": "pc-i440fx"}},
    "architecture": {"~architecture": "amd64"},
    "architecture unknown": {"~architecture": "vax"},
    "annotated topology": {"spec.template.metadata.annotations": {"kubevirt.io/pci-topology-version": "v2"}},
    "firmware named": {"~domain.firmware": {"uuid": OWN_UUID, "serial": "one"}},
    "firmware uuid wrong": {"~domain.firmware": {"uuid": "never"}},
    "firmware both loaders": {"~domain.firmware": {"bootloader": {"bios": {}, "efi": {"secureBoot": False}}}},
    "firmware efi": {"~domain.firmware": {"bootloader": {"efi": {"secureBoot": False}}}},
    "firmware secure boot without smm": {"~domain.firmware": {"bootloader": {"efi": {}}}},
    "firmware secure boot": {
        "~domain.firmware": {"bootloader": {"efi": {}}},
        "~domain.features": {"smm": {"enabled": True}},
    },
    "firmware kernel arguments alone": {"~domain.firmware": {"kernelBoot": {"kernelArgs": "quiet"}}},
    "firmware kernel without image": {"~domain.firmware": {"kernelBoot": {"container": {"kernelPath": "/kernel"}}}},
    "firmware kernel without path": {"~domain.firmware": {"kernelBoot": {"container": {"image": "kernel:1"}}}},
    "firmware kernel relative": {
        "~domain.firmware": {
            "kernelBoot": {"container": {"image": "kernel:1", "kernelPath": "kernel", "initrdPath": "/"}}
        }
    },
    "firmware acpi empty": {"~domain.firmware": {"acpi": {}}},
    "firmware acpi unknown": {"~domain.firmware": {"acpi": {"slicNameRef": "missing", "msdmNameRef": "root"}}},
    "hostname": {"~hostname": "web-1", "~subdomain": "example"},
    "hostname wrong": {"~hostname": "Web_1"},
    "hostname long": {"~hostname": "w" * 64},
    "subdomain wrong": {"~subdomain": "Example!"},
    "subdomain long": {"~subdomain": "w" * 254},
    "eviction": {"~evictionStrategy": "LiveMigrateIfPossible"},
    "eviction unknown": {"~evictionStrategy": "Sometimes"},
    "input": {"~domain.devices.inputs": [{"name": "tablet", "type": "tablet", "bus": "usb"}]},
    "input wrong": {"~domain.devices.inputs": [{"name": "tablet", "type": "mouse", "bus": "ps2"}]},
    "io threads": {"~domain.ioThreadsPolicy": "auto"},
    "io threads unknown": {"~domain.ioThreadsPolicy": "many"},
    "io threads without count": {"~domain.ioThreadsPolicy": "supplementalPool"},
    "sound": {"~domain.devices.sound": {"name": "sound", "model": "ac97"}},
    "sound wrong": {"~domain.devices.sound": {"name": "", "model": "sb16"}},
    "watchdog": {"~domain.devices.watchdog": {"name": "dog", "i6300esb": {"action": "poweroff"}}},
    "video without gate": {"~domain.devices.video": {"type": "virtio"}},
    "host devices without gate": {"~domain.devices.hostDevices": [{"name": "card", "deviceName": "vendor/card"}]},
    "vsock without gate": {"~domain.devices.autoattachVSOCK": True},
    "panic devices without gate": {"~domain.devices.panicDevices": [{"model": "isa"}]},
    "reboot policy without gate": {"~domain.rebootPolicy": "Terminate"},
    "memlock without gate": {"~domain.memory.reservedOverhead": {"memLock": "NotRequired"}},
    "downward metrics without gate": {"~domain.devices.downwardMetrics": {}},
    "secured launch without gate": {"~domain.launchSecurity": {"sev": {}}},
    "secured launch of no kind": {"~domain.launchSecurity": {}},
    "secured launch of two kinds": {"~domain.launchSecurity": {"sev": {}, "tdx": {}}},
    "gpus": {"~domain.devices.gpus": [{"name": "one", "deviceName": "vendor/gpu"}]},
    "two displays": {
        "~domain.devices.gpus": [
            {"name": "one", "deviceName": "vendor/gpu", "virtualGPUOptions": {"display": {}}},
            {"name": "two", "deviceName": "vendor/gpu", "virtualGPUOptions": {"display": {}}},
        ]
    },
    "ignition without gate": {"spec.template.metadata.annotations": {"kubevirt.io/ignitiondata": "{}"}},
    "sidecar without gate": {"spec.template.metadata.annotations": {"hooks.kubevirt.io/hookSidecars": "[]"}},
    "reserved labels": {"spec.template.metadata.labels": {"kubevirt.io/created-by": "me"}},
    "filesystem of a claim without gate": {
        "~domain.devices.filesystems": [{"name": "shared", "virtiofs": {}}],
        "~volumes.1": {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
    },
    "readiness probe of nothing": {"~readinessProbe": {"periodSeconds": 5}},
    "readiness probe of two kinds": {
        "~readinessProbe": {"tcpSocket": {"port": 22}, "httpGet": {"port": 80}},
    },
    "probes": {
        "~readinessProbe": {"tcpSocket": {"port": 22}, "initialDelaySeconds": 3},
        "~livenessProbe": {"httpGet": {"port": 80}},
    },
    "probes without pod network": {
        "~networks.0": {"name": "private", "multus": {"networkName": "net"}},
        f"{PORTS}.0": {"name": "private", "bridge": {}},
        "~readinessProbe": {"tcpSocket": {"port": 22}},
        "~livenessProbe": {"httpGet": {"port": 80}},
    },
    "dns policy unknown": {"~dnsPolicy": "Guess"},
    "dns policy none without config": {"~dnsPolicy": "None"},
    "dns policy none without servers": {"~dnsPolicy": "None", "~dnsConfig": {"searches": ["a"]}},
    "dns config": {"~dnsPolicy": "None", "~dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["example.org"]}},
    "dns config wrong": {
        "~dnsConfig": {
            "nameservers": ["1", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
            "searches": ["A", "b", "c", "d", "e", "f", "g" * 250],
            "options": [{"value": "1"}],
        }
    },
    "a utility volume": {"~utilityVolumes": [{"name": "dump", "claimName": "dump"}]},
}
SIZES: Mapping[str, Changes] = {
    "cores": {"~domain.cpu": {"cores": 2}},
    "sockets over maximum": {"~domain.cpu": {"sockets": 4, "maxSockets": 2}},
    "cpu feature policy": {"~domain.cpu": {"features": [{"name": "vmx", "policy": "require"}]}},
    "cpu feature policy unknown": {"~domain.cpu": {"features": [{"name": "vmx", "policy": "perhaps"}]}},
    "isolated emulator alone": {"~domain.cpu": {"isolateEmulatorThread": True}},
    "dedicated": {"~domain.cpu": {"cores": 2, "dedicatedCpuPlacement": True}},
    "dedicated with three threads": {"~domain.cpu": {"cores": 1, "threads": 3, "dedicatedCpuPlacement": True}},
    "dedicated without memory": {"~domain.cpu": {"cores": 1, "dedicatedCpuPlacement": True}, "~domain.memory": ...},
    "dedicated with parts": {
        "~domain.cpu": {"dedicatedCpuPlacement": True},
        "~domain.resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": "2500m"}},
    },
    "dedicated with unequal memory": {
        "~domain.cpu": {"cores": 1, "dedicatedCpuPlacement": True},
        "~domain.memory": ...,
        "~domain.resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    },
    "dedicated with cores and requests": {
        "~domain.cpu": {"cores": 3, "dedicatedCpuPlacement": True},
        "~domain.resources": {"requests": {"cpu": "2"}},
    },
    "numa alone": {"~domain.cpu": {"numa": {"guestMappingPassthrough": {}}}},
    "realtime alone": {"~domain.cpu": {"realtime": {}}},
    "no memory": {"~domain.memory": ...},
    "memory requested": {"~domain.memory": ..., "~domain.resources": {"requests": {"memory": "64Mi"}}},
    "memory requested negative": {"~domain.resources": {"requests": {"memory": "-64Mi"}}},
    "memory requested tiny": {"~domain.resources": {"requests": {"memory": "64k"}}},
    "memory limited negative": {"~domain.resources": {"limits": {"memory": "-64Mi"}}},
    "memory requested over limit": {
        "~domain.resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": "64Mi"}}
    },
    "memory limit under guest": {"~domain.resources": {"limits": {"memory": "32Mi"}}},
    "memory not a quantity": {"~domain.memory.guest": "lots"},
    "memory without its suffix": {"~domain.memory.guest": "1Q"},
    "requests not a quantity": {"~domain.resources": {"requests": {"memory": "some"}}},
    "capacity not a quantity": {"~volumes.0": {"name": "root", "emptyDisk": {"capacity": "some"}}},
    "memory maximum": {"~domain.memory": {"guest": "1Gi", "maxGuest": "4Gi"}},
    "memory maximum under guest": {"~domain.memory": {"guest": "4Gi", "maxGuest": "1Gi"}},
    "memory maximum odd": {"~domain.memory": {"guest": "1Gi", "maxGuest": "4000000001"}},
    "hugepages": {"~domain.memory": {"guest": "64Mi", "hugepages": {"pageSize": "2Mi"}}},
    "hugepages not a size": {"~domain.memory": {"guest": "64Mi", "hugepages": {"pageSize": "big"}}},
    "hugepages larger than memory": {"~domain.memory": {"guest": "64Mi", "hugepages": {"pageSize": "1Gi"}}},
    "hugepages do not divide": {"~domain.memory": {"guest": "65Mi", "hugepages": {"pageSize": "2Mi"}}},
    "cpu requested negative": {"spec.runStrategy": "Halted", "~domain.resources": {"requests": {"cpu": "-1"}}},
    "cpu limited negative": {"spec.runStrategy": "Halted", "~domain.resources": {"limits": {"cpu": "-1"}}},
    "cpu requested over limit": {"~domain.resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
    "cpu limited": {"~domain.resources": {"limits": {"cpu": "2"}}},
    "instancetype": {"~domain.memory": ..., "spec.instancetype": {"name": FLAVOR}},
    "instancetype of its kind": {
        "~domain.memory": ...,
        "spec.instancetype": {"name": FLAVOR, "kind": "virtualmachineclusterinstancetype"},
    },
    "instancetype missing": {"~domain.memory": ..., "spec.instancetype": {"name": "absent"}},
    "instancetype of unknown kind": {"~domain.memory": ..., "spec.instancetype": {"name": FLAVOR, "kind": "Flavor"}},
    "instancetype without name": {"~domain.memory": ..., "spec.instancetype": {"kind": "VirtualMachineInstancetype"}},
    "instancetype from volume and name": {
        "spec.instancetype": {
            "name": FLAVOR,
            "kind": "VirtualMachineInstancetype",
            "inferFromVolume": "root",
            "inferFromVolumeFailurePolicy": "Perhaps",
        },
    },
    "instancetype and memory": {"spec.instancetype": {"name": FLAVOR}},
    "instancetype and everything": {
        "~domain.cpu": {"cores": 1, "sockets": 1, "threads": 1},
        "~domain.resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "spec.instancetype": {"name": FLAVOR},
    },
    "instancetype and memory requests": {
        "~domain.memory": ...,
        "~domain.resources": {"requests": {"memory": "1Gi"}},
        "spec.instancetype": {"name": FLAVOR},
    },
    "instancetype and memory limits": {
        "~domain.memory": ...,
        "~domain.resources": {"limits": {"memory": "1Gi"}},
        "spec.instancetype": {"name": FLAVOR},
    },
    "preference missing": {"spec.preference": {"name": "absent"}},
    "preference without name": {"spec.preference": {"kind": "VirtualMachinePreference"}},
    "preference from volume and name": {
        "spec.preference": {
            "name": "absent",
            "kind": "VirtualMachinePreference",
            "inferFromVolume": "root",
            "inferFromVolumeFailurePolicy": "Perhaps",
        },
    },
}
MACHINES: Mapping[str, Mapping[str, Changes]] = {
    "power": POWER,
    "domain": DOMAIN,
    "sizes": SIZES,
    "stored": STORED,
    "cloud": CLOUD,
    "networked": NETWORKED,
    "placed": PLACED,
}
