"""What machines are offered of volumes, networks and places, by what is special about each."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cluster.objects import Document

from .offers import LONG, Changes

DISKS = "~domain.devices.disks"
PORTS = "~domain.devices.interfaces"
BLANK: Document = {"blank": {}}
STORAGE = {"resources": {"requests": {"storage": "1Gi"}}}
NO_CLOUD = {"name": "init", "cloudInitNoCloud": {"userData": "#cloud-config"}}
CONFIG_DRIVE = {"name": "init", "cloudInitConfigDrive": {"userData": "#cloud-config"}}
CLOUD_DISK = {"name": "init", "disk": {"bus": "virtio"}}
KEY = {"source": {"secret": {"secretName": "key"}}}

STORED: Mapping[str, Changes] = {
    "disk without volume": {"~volumes": []},
    "volume without disk": {DISKS: []},
    "volumes without disks": {f"{DISKS}": ...},
    "disks of the same name": {f"{DISKS}.1": {"name": "root", "disk": {}}},
    "volumes of the same name": {"~volumes.1": {"name": "root", "emptyDisk": {"capacity": "1Gi"}}},
    "volume without source": {"~volumes.0": {"name": "root"}},
    "volume of two sources": {"~volumes.0.emptyDisk": {"capacity": "1Gi"}},
    "disk of no kind": {f"{DISKS}.0": {"name": "root"}},
    "disk of two kinds": {f"{DISKS}.0.cdrom": {}},
    "disk named badly": {f"{DISKS}.0.name": "Root_1", "~volumes.0.name": "Root_1"},
    "cdrom": {f"{DISKS}.0": {"name": "root", "cdrom": {"bus": "sata"}}},
    "cdrom on virtio": {f"{DISKS}.0": {"name": "root", "cdrom": {"bus": "virtio"}}},
    "cdrom empty": {f"{DISKS}.1": {"name": "tray", "cdrom": {}}},
    "lun of an image": {f"{DISKS}.0": {"name": "root", "lun": {}}},
    "lun reserved without gate": {
        f"{DISKS}.0": {"name": "root", "lun": {"bus": "scsi", "reservation": True}},
        "~volumes.0": {"name": "root", "persistentVolumeClaim": {"claimName": "root"}},
    },
    "bus ide": {f"{DISKS}.0.disk": {"bus": "ide"}},
    "bus unknown": {f"{DISKS}.0.disk": {"bus": "nvme"}},
    "sata read-only": {f"{DISKS}.0.disk": {"bus": "sata", "readonly": True}},
    "thread of its own on sata": {f"{DISKS}.0": {"name": "root", "disk": {"bus": "sata"}, "dedicatedIOThread": True}},
    "pci address": {f"{DISKS}.0.disk.pciAddress": "0000:81:01.0"},
    "pci address wrong": {f"{DISKS}.0.disk": {"bus": "sata", "pciAddress": "81:01"}},
    "boot order": {f"{DISKS}.0.bootOrder": 1, f"{PORTS}.0.bootOrder": 2},
    "boot order zero": {f"{DISKS}.0.bootOrder": 0},
    "boot order of an interface zero": {f"{PORTS}.0.bootOrder": 0},
    "boot order shared by disks": {
        f"{DISKS}.0.bootOrder": 1,
        f"{DISKS}.1": {"name": "more", "disk": {}, "bootOrder": 1},
        "~volumes.1": {"name": "more", "emptyDisk": {"capacity": "1Gi"}},
    },
    "boot order shared by interface": {f"{DISKS}.0.bootOrder": 1, f"{PORTS}.0.bootOrder": 1},
    "serial": {f"{DISKS}.0.serial": "0b5f3f0e-7c4f-4d6e-8"},
    "serial wrong": {f"{DISKS}.0.serial": "a b"},
    "serial long": {f"{DISKS}.0.serial": "s" * 257},
    "cache": {f"{DISKS}.0.cache": "writeback"},
    "cache unknown": {f"{DISKS}.0.cache": "maybe"},
    "io mode unknown": {f"{DISKS}.0.io": "fast"},
    "error policy unknown": {f"{DISKS}.0.errorPolicy": "cry"},
    "block size small": {f"{DISKS}.0.blockSize": {"custom": {"logical": 100, "physical": 100}}},
    "block size large": {f"{DISKS}.0.blockSize": {"custom": {"logical": 4194304, "physical": 4194304}}},
    "block size odd": {f"{DISKS}.0.blockSize": {"custom": {"logical": 513, "physical": 1025}}},
    "block size upside down": {f"{DISKS}.0.blockSize": {"custom": {"logical": 4096, "physical": 512}}},
    "block size and match": {
        f"{DISKS}.0.blockSize": {"custom": {"logical": 512, "physical": 512}, "matchVolume": {"enabled": True}}
    },
    "image at a relative path": {"~volumes.0.containerDisk.path": "disk.img"},
    "image at the root": {"~volumes.0.containerDisk.path": "/"},
    "latest image": {"~volumes.0.containerDisk.image": "example/disk"},
    "host disk without gate": {"~volumes.0": {"name": "root", "hostDisk": {"path": "", "type": "Any"}}},
    "data volume without name": {"~volumes.0": {"name": "root", "dataVolume": {"name": ""}}},
    "config map without name": {"~volumes.0": {"name": "root", "configMap": {}}},
    "secret without name": {"~volumes.0": {"name": "root", "secret": {}}},
    "account without name": {"~volumes.0": {"name": "root", "serviceAccount": {}}},
    "two accounts": {
        "~volumes.0": {"name": "root", "serviceAccount": {"serviceAccountName": "default"}},
        "~volumes.1": {"name": "more", "serviceAccount": {"serviceAccountName": "default"}},
    },
    "config map": {"~volumes.0": {"name": "root", "configMap": {"name": "settings"}}},
    "downward metrics": {"~volumes.0": {"name": "root", "downwardMetrics": {}}},
    "claim": {"~volumes.0": {"name": "root", "persistentVolumeClaim": {"claimName": "root"}}},
    "data volume": {"~volumes.0": {"name": "root", "dataVolume": {"name": "root"}}},
    "template": {
        "spec.dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"source": BLANK, "storage": STORAGE}}],
        "~volumes.0": {"name": "root", "dataVolume": {"name": "root"}},
    },
    "template without reference": {
        "spec.dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"source": BLANK, "storage": STORAGE}}],
    },
    "template without name": {
        "spec.dataVolumeTemplates": [{"metadata": {}, "spec": {"source": BLANK, "storage": STORAGE}}],
    },
    "template without storage": {
        "spec.dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"source": BLANK}}],
    },
    "template with claim and storage": {
        "spec.dataVolumeTemplates": [
            {"metadata": {"name": "root"}, "spec": {"source": BLANK, "storage": STORAGE, "pvc": STORAGE}}
        ],
    },
    "template without source": {
        "spec.dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"storage": STORAGE}}],
    },
    "template of no source": {
        "spec.dataVolumeTemplates": [{"metadata": {"name": "root"}, "spec": {"source": {}, "storage": STORAGE}}],
    },
    "template of two sources": {
        "spec.dataVolumeTemplates": [
            {"metadata": {"name": "root"}, "spec": {"source": {**BLANK, "upload": {}}, "storage": STORAGE}}
        ],
    },
    "template populated twice": {
        "spec.dataVolumeTemplates": [
            {
                "metadata": {"name": "root"},
                "spec": {
                    "source": BLANK,
                    "storage": {**STORAGE, "dataSource": {"kind": "PersistentVolumeClaim", "name": "other"}},
                },
            }
        ],
    },
    "template populated twice, of a group": {
        "spec.dataVolumeTemplates": [
            {
                "metadata": {"name": "root"},
                "spec": {
                    "source": BLANK,
                    "storage": {
                        **STORAGE,
                        "dataSource": {
                            "apiGroup": "snapshot.storage.k8s.io",
                            "kind": "VolumeSnapshot",
                            "name": "other",
                        },
                    },
                },
            }
        ],
    },
    "template of another namespace": {
        "spec.dataVolumeTemplates": [
            {"metadata": {"name": "root", "namespace": "other"}, "spec": {"source": BLANK, "storage": STORAGE}}
        ],
        "~volumes.0": {"name": "root", "dataVolume": {"name": "root"}},
    },
}
CLOUD: Mapping[str, Changes] = {
    "no cloud": {"~volumes.1": NO_CLOUD, f"{DISKS}.1": CLOUD_DISK},
    "config drive": {"~volumes.1": CONFIG_DRIVE, f"{DISKS}.1": CLOUD_DISK},
    "no data": {"~volumes.1": {"name": "init", "cloudInitNoCloud": {}}, f"{DISKS}.1": CLOUD_DISK},
    "data long": {
        "~volumes.1": {"name": "init", "cloudInitNoCloud": {"userData": LONG, "networkData": LONG}},
        f"{DISKS}.1": CLOUD_DISK,
    },
    "data as long as can be": {
        "~volumes.1": {"name": "init", "cloudInitConfigDrive": {"userData": LONG[1:]}},
        f"{DISKS}.1": CLOUD_DISK,
    },
    "data of two sources": {
        "~volumes.1": {
            "name": "init",
            "cloudInitConfigDrive": {
                "userData": "#!",
                "userDataBase64": "IyE=",
                "secretRef": {"name": "data"},
                "networkData": "a: 1",
                "networkDataBase64": "YTogMQ==",
            },
        },
        f"{DISKS}.1": CLOUD_DISK,
    },
    "data not base64": {
        "~volumes.1": {
            "name": "init",
            "cloudInitNoCloud": {"userDataBase64": "!", "networkDataBase64": "!"},
        },
        f"{DISKS}.1": CLOUD_DISK,
    },
    "data in a secret": {
        "~volumes.1": {"name": "init", "cloudInitConfigDrive": {"secretRef": {"name": "data"}}},
        f"{DISKS}.1": CLOUD_DISK,
    },
    "key by config drive": {
        "~volumes.1": CONFIG_DRIVE,
        f"{DISKS}.1": CLOUD_DISK,
        "~accessCredentials": [{"sshPublicKey": {**KEY, "propagationMethod": {"configDrive": {}}}}],
    },
    "key by config drive without one": {
        "~accessCredentials": [{"sshPublicKey": {**KEY, "propagationMethod": {"configDrive": {}}}}],
    },
    "key by no cloud without one": {
        "~accessCredentials": [{"sshPublicKey": {**KEY, "propagationMethod": {"noCloud": {}}}}],
    },
    "key by agent for nobody": {
        "~accessCredentials": [{"sshPublicKey": {**KEY, "propagationMethod": {"qemuGuestAgent": {"users": []}}}}],
    },
    "key by nothing from nowhere": {
        "~accessCredentials": [{"sshPublicKey": {"source": {}, "propagationMethod": {}}}],
    },
    "password by agent": {
        "~accessCredentials": [{"userPassword": {**KEY, "propagationMethod": {"qemuGuestAgent": {}}}}],
    },
    "password by nothing from nowhere": {
        "~accessCredentials": [{"userPassword": {"source": {}, "propagationMethod": {}}}],
    },
    "credentials of no kind": {"~accessCredentials": [{}]},
    "credentials of two kinds": {
        "~accessCredentials": [
            {
                "userPassword": {**KEY, "propagationMethod": {"qemuGuestAgent": {}}},
                "sshPublicKey": {**KEY, "propagationMethod": {"qemuGuestAgent": {"users": ["root"]}}},
            }
        ],
    },
}
NET = {"name": "private", "multus": {"networkName": "net"}}
NETWORKED: Mapping[str, Changes] = {
    "no network": {"~networks": ..., PORTS: ...},
    "no network at all": {"~networks": ..., PORTS: ..., "~domain.devices.autoattachPodInterface": False},
    "network without interface": {PORTS: []},
    "interface without network": {"~networks": []},
    "two pod networks": {
        "~networks.1": {"name": "more", "pod": {}},
        f"{PORTS}.1": {"name": "more", "masquerade": {}},
    },
    "networks of the same name": {"~networks.1": NET},
    "interfaces of the same name": {f"{PORTS}.1": {"name": "private", "masquerade": {}}},
    "network of no kind": {"~networks.0": {"name": "private"}},
    "network of two kinds": {"~networks.0": {**NET, "pod": {}}},
    "network without its definition": {
        "~networks.0": {"name": "private", "multus": {"networkName": ""}},
        f"{PORTS}.0": {"name": "private", "bridge": {}},
    },
    "two default networks": {
        "~networks": [
            {"name": "private", "multus": {"networkName": "a", "default": True}},
            {"name": "more", "multus": {"networkName": "b", "default": True}},
        ],
        PORTS: [{"name": "private", "bridge": {}}, {"name": "more", "bridge": {}}],
    },
    "default network beside pod": {
        "~networks.1": {"name": "more", "multus": {"networkName": "b", "default": True}},
        f"{PORTS}.1": {"name": "more", "bridge": {}},
    },
    "bridge on pod network": {f"{PORTS}.0": {"name": "private", "bridge": {}}},
    "bridge on definition": {"~networks.0": NET, f"{PORTS}.0": {"name": "private", "bridge": {}}},
    "masquerade on definition": {"~networks.0": NET},
    "no binding": {f"{PORTS}.0": {"name": "private"}},
    "binding of two kinds": {f"{PORTS}.0.bridge": {}},
    "binding and plugin": {f"{PORTS}.0.binding": {"name": "plug"}},
    "plugin unknown": {f"{PORTS}.0": {"name": "private", "binding": {"name": "plug"}}},
    "slirp": {f"{PORTS}.0": {"name": "private", "slirp": {}}},
    "macvtap": {f"{PORTS}.0": {"name": "private", "macvtap": {}}},
    "passt": {f"{PORTS}.0": {"name": "private", "passt": {}}},
    "passt without gate": {"~networks.0": NET, f"{PORTS}.0": {"name": "private", "passtBinding": {}}},
    "state": {f"{PORTS}.0.state": "down"},
    "state unknown": {f"{PORTS}.0.state": "sideways"},
    "state absent": {f"{PORTS}.0.state": "absent"},
    "state of a card": {"~networks.0": NET, f"{PORTS}.0": {"name": "private", "sriov": {}, "state": "up"}},
    "name wrong": {"~networks.0.name": "a.b", f"{PORTS}.0.name": "a.b"},
    "model": {f"{PORTS}.0.model": "e1000"},
    "model unknown": {f"{PORTS}.0.model": "ne1000"},
    "address": {f"{PORTS}.0.macAddress": "fa:16:3e:00:00:01"},
    "address reserved": {f"{PORTS}.0.macAddress": "02:00:00:00:00:00"},
    "address short": {f"{PORTS}.0.macAddress": "fa:16:3e"},
    "address long": {f"{PORTS}.0.macAddress": "fa:16:3e:00:00:01:02:03"},
    "address no address": {f"{PORTS}.0.macAddress": "here"},
    "pci address of an interface wrong": {f"{PORTS}.0.pciAddress": "81:01"},
    "ports": {f"{PORTS}.0.ports": [{"name": "ssh", "port": 22, "protocol": "TCP"}]},
    "port without number": {f"{PORTS}.0.ports": [{"name": "ssh", "port": 0}]},
    "port out of range": {f"{PORTS}.0.ports": [{"port": 70000}, {"port": -1}]},
    "port protocol unknown": {f"{PORTS}.0.ports": [{"port": 22, "protocol": "ICMP"}]},
    "ports of the same name": {f"{PORTS}.0.ports": [{"name": "ssh", "port": 22}, {"name": "ssh", "port": 23}]},
    "port named badly": {f"{PORTS}.0.ports": [{"name": "SSH_port", "port": 22}]},
    "dhcp options": {f"{PORTS}.0.dhcpOptions": {"ntpServers": ["10.0.0.1"], "privateOptions": []}},
    "dhcp options wrong": {
        f"{PORTS}.0.dhcpOptions": {
            "ntpServers": ["ntp"],
            "privateOptions": [
                {"option": 240, "value": "a"},
                {"option": 240, "value": "b"},
                {"option": 1, "value": "c"},
            ],
        }
    },
}
PLACED: Mapping[str, Changes] = {
    "node selector": {"~nodeSelector": {"kubernetes.io/hostname": "node-1"}},
    "apart from others": {
        "~affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "offered"}}, "topologyKey": "kubernetes.io/hostname"}
        ]
    },
    "apart by nothing": {
        "~affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "offered"}}, "topologyKey": ""}
        ]
    },
    "near a node": {
        "~affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
        ]
    },
    "near no node": {"~affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms": []},
    "near a node by an unknown operator": {
        "~affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "Near", "values": ["a"]}]}
        ]
    },
    "near a node of no value": {
        "~affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": []}]}
        ]
    },
    "rather near, weighed wrong": {
        "~affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 101,
                "podAffinityTerm": {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "zone"},
            }
        ]
    },
    "spread of no kind": {
        "~topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "Perhaps"}]
    },
    "apart by strange labels": {
        "~affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "labelSelector": {
                    "matchLabels": {"/x": "y"},
                    "matchExpressions": [{"key": "a", "operator": "Near"}, {"key": "b", "operator": "In"}],
                },
                "topologyKey": "zone",
            }
        ]
    },
    "spread": {
        "~topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    },
    "spread wrong": {
        "~topologySpreadConstraints": [
            {"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"},
            {"maxSkew": 1, "topologyKey": "a b", "whenUnsatisfiable": "ScheduleAnyway"},
            {"maxSkew": 1, "topologyKey": "a b", "whenUnsatisfiable": "ScheduleAnyway"},
        ]
    },
}
