"""What is offered beside machines."""

from __future__ import annotations

from collections.abc import Mapping

from .offers import Changes

GUESTS: Mapping[str, Changes] = {
    "labels that are reserved": {"metadata.labels": {"kubevirt.io/nodeName": "node-1"}},
    "a finalizer of its own": {"metadata.finalizers": ["example.org/kept"]},
    "annotated": {"metadata.annotations": {"kubevirt.io/pci-topology-version": "v2"}},
    "phase of its own": {"status": {"phase": "Running"}},
    "no probe's times": {"~livenessProbe": {"guestAgentPing": {}}},
    "exec probe": {"~readinessProbe": {"exec": {"command": ["true"]}}},
    "features": {"~domain.features": {"apic": {}, "acpi": {}, "smm": {}}},
    "hyperv": {"~domain.features": {"hyperv": {"relaxed": {}, "vapic": {}}}},
    "clock": {"~domain.clock": {"utc": {}, "timer": {"hpet": {"present": False}, "rtc": {}, "pit": {}}}},
    "many sockets": {"~domain.cpu": {"sockets": 200}},
    "cpu model": {"~domain.cpu": {"sockets": 2, "model": "Cascadelake"}},
    "memory requested and limited": {
        "~domain.memory": ...,
        "~domain.resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "2Gi"}},
    },
    "a gibibyte": {"~domain.memory": {"guest": "1Gi"}},
    "half a gibibyte more": {"~domain.memory": {"guest": "1536Mi"}},
    "a gigabyte": {"~domain.memory": {"guest": "1G"}},
    "odd memory": {"~domain.memory": {"guest": "1000001Ki"}},
    "realtime disks": {
        "~domain.devices.disks.0": {"name": "root", "lun": {}},
        "~volumes.0": {"name": "root", "dataVolume": {"name": "root"}},
        "~domain.devices.disks.1": {"name": "tray", "cdrom": {}},
        "~volumes.1": {"name": "tray", "persistentVolumeClaim": {"claimName": "tray"}},
    },
    "grace": {"~terminationGracePeriodSeconds": 0},
}
FLAVORS: Mapping[str, Changes] = {
    "as it is": {},
    "overcommitted": {"spec.memory.overcommitPercent": 10},
    "overcommitted too much": {"spec.memory.overcommitPercent": 101},
    "overcommitted below nothing": {"spec.memory.overcommitPercent": -1},
    "overcommitted hugepages": {
        "spec.memory": {"guest": "1Gi", "overcommitPercent": 10, "hugepages": {"pageSize": "2Mi"}}
    },
    "no cpu": {"spec.cpu": ...},
    "cpu of nothing": {"spec.cpu": {}},
    "no processors": {"spec.cpu.guest": 0},
    "no memory": {"spec.memory": ...},
    "memory not a quantity": {"spec.memory.guest": "lots"},
    "cpu a word": {"spec.cpu.guest": "many"},
    "no spec": {"spec": ...},
}
PREFERENCES: Mapping[str, Changes] = {
    "as it is": {},
    "no spec": {"spec": {}},
    "topology unknown": {"spec.cpu.preferredCPUTopology": "pile"},
    "topology by its old name": {"spec.cpu.preferredCPUTopology": "preferSockets"},
    "spread": {"spec.cpu": {"preferredCPUTopology": "spread"}},
    "spread across unknown": {"spec.cpu": {"preferredCPUTopology": "spread", "spreadOptions": {"across": "Sheets"}}},
    "spread across threads": {
        "spec.cpu": {"preferredCPUTopology": "spread", "spreadOptions": {"across": "CoresThreads", "ratio": 3}}
    },
}
MIGRATIONS: Mapping[str, Changes] = {
    "of nobody": {"spec.vmiName": ...},
    "of the absent": {},
    "of no spec": {"spec": ...},
    "with priority": {"spec.priority": "system-critical"},
}
