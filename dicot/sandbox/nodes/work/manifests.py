"""What an export server tells of the machine whose volumes it gives back: objects by which CDI fetches them into
another cluster (KubeVirt 1.8.4, virt-exportserver, vmHandler and secretHandler)."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence

import yaml

from dicot.kube.kind import Manifest

INTERNAL, EXTERNAL = "internal", "external"
YAML = "application/yaml"


def machine(data: Mapping[str, str], whence: str, packed: Sequence[str]) -> list[Manifest] | None:
    """The authority, the machine and its volumes, which come from the server as it is seen from ``whence``: packed
    ones at these paths. None where it cannot be reached from there."""
    if f"{whence}_host" not in data:
        return None
    authority = {"apiVersion": "v1", "kind": "ConfigMap", **json.loads(data[f"{whence}_ca_cm"])}
    found = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", **json.loads(data["virtualmachine-manifest"])}
    carried = {
        "certConfigMap": authority["metadata"]["name"],
        "secretExtraHeaders": [_header(data)],
    }
    for template, path in zip(found["spec"].get("dataVolumeTemplates") or (), packed, strict=False):
        template["spec"]["source"]["http"] |= {"url": f"https://{data[f'{whence}_host']}{path}", **carried}
    return [authority, found, *_volumes(data, found, f"https://{data[f'{whence}_host']}", packed, carried)]


def _volumes(
    data: Mapping[str, str], found: Manifest, address: str, packed: Sequence[str], carried: Manifest
) -> Iterator[Manifest]:
    """Those that no template of the machine makes."""
    for each in found["spec"]["template"]["spec"].get("volumes") or ():
        name = each.get("dataVolume", {}).get("name") or each.get("persistentVolumeClaim", {}).get("claimName")
        if f"dv-{name}" not in data:
            continue
        volume = {
            "apiVersion": "cdi.kubevirt.io/v1beta1",
            "kind": "DataVolume",
            **copy.deepcopy(json.loads(data[f"dv-{name}"])),
        }
        paths = [path for path in packed if name in path]
        volume["spec"]["source"]["http"] |= carried | ({"url": address + paths[-1]} if paths else {})
        yield volume


def header(data: Mapping[str, str], token: str) -> list[Manifest]:
    """The Secret with the token, as CDI sends it."""
    carried = {"token": f"x-kubevirt-export-token:{token}"}
    return [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _header(data)}, "stringData": carried}]


def _header(data: Mapping[str, str]) -> str:
    return f"header-secret-{data['export-name']}"


def written(objects: Sequence[Manifest], media: str) -> bytes:
    """Objects as a list in JSON, or one after the other in YAML."""
    if media == YAML:
        return "".join(f"{yaml.safe_dump(each)}---\n" for each in objects).encode()
    return json.dumps({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": list(objects)}, indent=4).encode()
