"""Dicot's side: what becomes of a body in a small cloud, told as ``program.py`` tells what becomes of it in Nova."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, SECRET, STORAGE_CLASS, VOLUME_SNAPSHOT
from dicot.cloud.plan import Create, Patch, Plan
from dicot.compute import keypair
from dicot.compute.keypair import NewKeypair
from dicot.compute.keys import fingerprint
from dicot.compute.kinds import KEYPAIR
from dicot.compute.server.manifest import EMPTY_USER_DATA
from dicot.compute.server.present import Present, present
from dicot.compute.server.spec import create
from dicot.compute.server.update import update
from dicot.compute.server.wish import CREATES, UPDATES, NewServer, anything, reboot
from dicot.faults import BadRequest, Fault
from tests.compute.server.objects import (
    NAMESPACE,
    NETWORK,
    NOW,
    claim_object,
    disk_object,
    flavor_object,
    group_object,
    image_object,
    keypair_object_of,
    node_object,
    port_object,
    recorded,
    snapshot_object,
    volume_claim,
    volume_object,
)
from tests.compute.server.world import ADMIN, MEMBER, World

from .values import (
    HIDDEN_IMAGE,
    PORT_FREE,
    PORT_USED,
    SNAPSHOT,
    SNAPSHOT_EMPTY,
    VOLUME,
    VOLUME_EMPTY,
    VOLUME_SHARED,
    VOLUME_USED,
    A,
    B,
    C,
)

Said = dict[str, Any]
MOST = 3
IMAGE_METADATA: Mapping[str, str] = {"auto_disk_config": "disabled", "min_ram": "1024"}
"""What a volume tells of its image; the flavor "42" has less."""
THINGS: Mapping[str, Any] = {
    "images": {
        A: {"status": "active", "properties": {}},
        B: {"status": "active", "properties": {"auto_disk_config": "disabled"}},
        C: {"status": "active", "properties": {"auto_disk_config": "Yes"}},
        HIDDEN_IMAGE: {"status": "queued", "properties": {}},
    },
    "flavors": {
        "1": {"vcpus": 2, "memory_mb": 2048, "root_gb": 20, "ephemeral_gb": 0, "swap": 0},
        "42": {"vcpus": 1, "memory_mb": 512, "root_gb": 5, "ephemeral_gb": 10, "swap": 512},
        "7": {"vcpus": 1, "memory_mb": 512, "root_gb": 0, "ephemeral_gb": 0, "swap": 0},
    },
    "keys": ["web1", "a"],
    "groups": {"default": "dddddddd-dddd-4ddd-8ddd-dddddddddddd", "web": A, "b": B},
    "hosts": {"node-1": None, "node-2": "az-1"},
    "zones": ["nova", "az-1"],
    "network": NETWORK,
    "ports": {PORT_FREE: "", PORT_USED: "somebody"},
    "volumes": {
        VOLUME: {"status": "available", "size": 4, "bootable": True, "volume_image_metadata": IMAGE_METADATA},
        VOLUME_EMPTY: {"status": "available", "size": 1, "bootable": False},
        VOLUME_USED: {"status": "in-use", "size": 1, "bootable": True},
        VOLUME_SHARED: {"status": "in-use", "size": 2, "bootable": True, "multiattach": True},
    },
    "snapshots": {
        SNAPSHOT: {"volume_id": VOLUME, "size": 4},
        SNAPSHOT_EMPTY: {"volume_id": VOLUME_EMPTY, "size": 1},
    },
    "volume_types": [{"id": A, "name": "slow"}, {"id": B, "name": "fast"}],
}
"""What there is, as both sides are told."""
SERVER_ID = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"


@cache
def world() -> World:
    """All of it as Kubernetes has it."""
    made = World()
    for id, image in THINGS["images"].items():
        made.add(DATA_SOURCE, _image(id, image))
        if image["status"] == "active":
            made.add(DATA_VOLUME, _named(disk_object("0"), id))
            made.add(PVC, _named(claim_object("0"), id))
    for found in flavors():
        made.add(CLUSTER_INSTANCETYPE, found)
    for name in THINGS["keys"]:
        made.add(KEYPAIR, keypair_object_of(name))
    for name, id in THINGS["groups"].items():
        made.add(SECURITY_GROUP, group_object(name, id))
    for name, zone in THINGS["hosts"].items():
        made.add(NODE, node_object(name, zone or ""))
    for id, volume in THINGS["volumes"].items():
        _stored(made, id, volume)
    for id, snapshot in THINGS["snapshots"].items():
        source = f"volume-{snapshot['volume_id']}"
        made.add(VOLUME_SNAPSHOT, snapshot_object(f"snapshot-{id}", id, source, f"{snapshot['size']}Gi"))
    for type in THINGS["volume_types"]:
        made.add(STORAGE_CLASS, {"metadata": {"name": type["name"], "uid": type["id"]}})
    for id, user in THINGS["ports"].items():
        made.add(PORT, port_object(id, vm=user))
    made.add(VM, _user())
    _run(made)
    return made


def flavors() -> list[Said]:
    """Those that there are, as Kubernetes has them."""
    made = []
    for id, flavor in THINGS["flavors"].items():
        found = flavor_object(f"f{id}", id, flavor["root_gb"], flavor["vcpus"], f"{flavor['memory_mb']}Mi")
        spec = {"id": id, "disk": flavor["root_gb"], "ephemeral": flavor["ephemeral_gb"], "swap": flavor["swap"]}
        found["metadata"]["annotations"]["dicot.io/flavor-spec"] = json.dumps(spec)
        made.append(found)
    return made


def _named(object: Said, id: str) -> Said:
    object["metadata"] |= {"name": f"image-{id}"}
    return object


def _image(id: str, image: Mapping[str, Any]) -> Said:
    annotations = {"dicot.io/image-spec": json.dumps({"properties": image["properties"]})}
    found = image_object(id=id, **annotations)
    found["metadata"]["name"] = found["spec"]["source"]["pvc"]["name"] = f"image-{id}"
    return found


def _stored(made: World, id: str, volume: Mapping[str, Any]) -> None:
    """A volume, as CDI has made it."""
    image = dict(volume.get("volume_image_metadata", {}))
    told = {"minRam": int(image.pop("min_ram", 0)), "properties": image}
    notes = {"dicot.io/image": json.dumps(told)} if image else {}
    notes |= {"dicot.io/multiattach": "true"} if volume.get("multiattach") else {}
    source = None if volume["bootable"] else {"blank": Said()}
    name, size = f"volume-{id}", f"{volume['size']}Gi"
    made.add(DATA_VOLUME, volume_object(name, id, size, source))
    made.add(PVC, volume_claim(name, id, size, "ReadWriteMany", **notes))


def _user() -> Said:
    """A server that has volumes and a port."""
    used = [id for id, volume in THINGS["volumes"].items() if volume["status"] == "in-use"]
    volumes = [{"name": f"v{id[0]}", "persistentVolumeClaim": {"claimName": f"volume-{id}"}} for id in used]
    return {
        "metadata": {"name": "somebody", "namespace": NAMESPACE, "uid": "uid-somebody"},
        "spec": {"template": {"spec": {"volumes": volumes}}},
    }


def _run(made: World) -> None:
    """A server in a zone that nobody asked for."""
    objects = json.loads(json.dumps(recorded("running")))
    vm, vmi = objects["vm"], objects["vmi"]
    vm["metadata"] |= {"name": "running", "namespace": NAMESPACE, "uid": "uid-running", "annotations": {}}
    vm["metadata"]["labels"]["dicot.io/id"] = SERVER_ID
    vmi["metadata"] |= {"name": "running", "namespace": NAMESPACE}
    vmi["metadata"]["ownerReferences"][0]["uid"] = "uid-running"
    vmi["status"]["nodeName"] = "node-2"
    made.add(VM, vm)
    made.add(VMI, vmi)


def told(operation: str, minor: int, body: Any, admin: bool) -> Said:
    """``code`` and ``message`` of a refusal, or what was ``heard``."""
    who = ADMIN if admin else MEMBER
    try:
        return {"heard": OPERATIONS[operation](minor, body, who)}
    except Fault as fault:
        return {"code": fault.code, "message": fault.message}


def decoded(bodies: Any, minor: int, body: Any) -> Any:
    """As ``web.route`` does it: the last decoder whose version is not above this one."""
    return [decode for since, decode in bodies if since <= (2, minor)][-1](body)


def planned(wanted: NewServer, who: Caller) -> tuple[Plan, ...]:
    """What is to be written for some new servers, as if the quota had room for a few: it has tests of its own."""
    ids = tuple(f"{number:08x}-0000-4000-8000-000000000000" for number in range(min(wanted.most, MOST)))
    return create(replace(wanted, least=1), world().known(who), ids, "r-abcdefgh", "req-1", NOW)


def creating(minor: int, body: Any, who: Caller) -> Said:
    """What is planned for a new server."""
    wanted: NewServer = decoded(CREATES, minor, body)
    plans = planned(wanted, who)
    machines = [commit_of(plan) for plan in plans]
    notes = [annotations(machine) for machine in machines]
    note, spec = json.loads(notes[0]["dicot.io/server"]), machines[0]["spec"]["template"]["spec"]
    return {
        "names": [each["dicot.io/name"] for each in notes],
        "hostnames": [json.loads(each["dicot.io/server"])["hostname"] for each in notes],
        "password": wanted.admin_pass,
        "forced": [each or None for each in wanted.forced],
        "node": spec.get("nodeSelector", {}).get("kubernetes.io/hostname"),
        "hints": note.get("hints", {}),
        "networks": networks(plans[0], spec),
        "disks": disks(plans[0]),
        "tags": json.loads(notes[0].get("dicot.io/tags", "[]")),
        "groups": sorted(wanted.security_groups or ("default",)),
        "image_ref": json.loads(notes[0].get("dicot.io/image", "{}")).get("id", ""),
        "display_description": notes[0].get("dicot.io/description"),
        "user_data": user_data(plans[0]),
        "key_name": notes[0].get("dicot.io/key-name"),
        "metadata": json.loads(notes[0].get("dicot.io/metadata", "{}")),
        "access_ip_v4": note.get("accessIPv4"),
        "access_ip_v6": note.get("accessIPv6"),
        "availability_zone": note.get("zone"),
        "config_drive": wanted.config_drive,
        "auto_disk_config": note.get("diskConfig") == "AUTO",
        "memory_mb": json.loads(notes[0]["dicot.io/flavor"])["ram"],
    }


def commit_of(plan: Plan) -> Any:
    assert isinstance(plan.commit, Create)
    return plan.commit.body


def annotations(machine: Any) -> dict[str, str]:
    found: dict[str, str] = machine["metadata"]["annotations"]
    return found


def networks(plan: Plan, spec: Any) -> list[Any] | None:
    """Network, port and tag of the one interface."""
    interfaces = spec["domain"]["devices"].get("interfaces", [])
    if not interfaces:
        return None
    names = {f"port-{id[:8]}": id for id in THINGS["ports"]}
    bound = [names[bind.name] for bind in plan.binds if bind.kind is PORT]
    return [[NETWORK, bound[0] if bound else None, interfaces[0].get("tag")]]


def disks(plan: Plan) -> list[Any]:
    """The root disk first, then the others by their kind, each with what it is made of and how it is attached."""
    machine = commit_of(plan)
    templates = {each["metadata"]["name"]: each["spec"] for each in machine["spec"].get("dataVolumeTemplates", [])}
    lasting = {step.body["metadata"]["name"]: step.body["spec"] for step in plan.pending if step.kind is DATA_VOLUME}
    spec = machine["spec"]["template"]["spec"]
    doomed = json.loads(annotations(machine)["dicot.io/server"]).get("deletes", [])
    volumes = {each["name"]: each for each in spec["volumes"]}
    found = []
    for disk in spec["domain"]["devices"]["disks"]:
        name, volume = disk["name"], volumes[disk["name"]]
        claim = volume.get("dataVolume", volume.get("persistentVolumeClaim"))
        if claim is None:
            continue
        made = templates.get(claim["name"], lasting.get(claim["name"]))
        plug = disk.get("disk", disk.get("cdrom"))["bus"]
        seen = ["cdrom" if "cdrom" in disk else "disk", plug, disk.get("tag"), disk.get("bootOrder")]
        if made is None:
            found.append(["volume", claim["name"].removeprefix("volume-"), name in doomed, *seen])
            continue
        size = made["storage"].get("resources", {}).get("requests", {}).get("storage")
        where = (
            [size, made["storage"].get("storageClassName"), claim["name"] in templates]
            if "serial" in disk
            else [size]
        )
        found.append([*origin(made), *where, *seen])
    return [found[0], *sorted(found[1:], key=str)]


def origin(made: Any) -> list[str]:
    """What a disk is made of: kind and id."""
    source = made.get("source", {})
    if "snapshot" in source:
        return ["snapshot", source["snapshot"]["name"].removeprefix("snapshot-")]
    return ["blank", ""] if "blank" in source else ["image", made["sourceRef"]["name"].removeprefix("image-")]


def user_data(plan: Plan) -> str | None:
    """What the config drive carries."""
    for step in plan.pending:
        if step.kind is SECRET and "userdata" in step.body["data"]:
            found = base64.b64decode(step.body["data"]["userdata"]).decode("latin-1")
            return None if found == EMPTY_USER_DATA else found
    return None


def updating(minor: int, body: Any, who: Caller) -> Said:
    """The annotations that an update changes."""
    wanted = decoded(UPDATES, minor, body)
    plan = update(server(who), wanted, NOW)
    assert isinstance(plan.commit, Patch)
    assert isinstance(plan.commit.body, dict)
    changes = plan.commit.body["metadata"]["annotations"]
    note = json.loads(changes.get("dicot.io/server", "{}"))
    found = {}
    for key, name in (("dicot.io/name", "display_name"), ("dicot.io/description", "display_description")):
        if key in changes:
            found[name] = changes[key]
    said = body["server"]
    for name, ours, theirs in (
        ("hostname", "hostname", "hostname"),
        ("accessIPv4", "accessIPv4", "access_ip_v4"),
        ("accessIPv6", "accessIPv6", "access_ip_v6"),
    ):
        if name in said:
            found[theirs] = note.get(ours)
    if "OS-DCF:diskConfig" in said:
        found["auto_disk_config"] = note.get("diskConfig") == "AUTO"
    return found


def server(who: Caller) -> Present:
    found = present(world().known(who), SERVER_ID, NOW)
    assert found is not None
    return found


def importing(minor: int, body: Any, who: Caller) -> Said:
    """The keypair that would be made."""
    bodies = tuple((since, keypair.decoder(schema)) for since, schema in keypair.SCHEMAS)
    new: NewKeypair = decoded(bodies, minor, body)
    key = new.public_key
    made = None if key is None else fingerprint(key, new.type)
    return {"user": new.user or "user", "name": new.name, "key": key, "kind": new.type, "fingerprint": made}


ACTIONS: Mapping[str, Callable[[object], Any]] = {"os-start": anything, "os-stop": anything, "reboot": reboot}


def acting(minor: int, body: Any, who: Caller) -> Said:
    """As ``web.exchange`` finds an action."""
    if not isinstance(body, dict) or len(body) != 1:
        raise BadRequest("Malformed request body")
    [(name, value)] = body.items()
    if name not in ACTIONS:
        raise BadRequest(f"There is no such action: {name}")
    found = ACTIONS[name](value)
    return {} if found is None else {"how": "HARD" if found.hard else "SOFT"}


OPERATIONS: Mapping[str, Callable[[int, Any, Caller], Said]] = {
    "create": creating,
    "update": updating,
    "keypair": importing,
    "action": acting,
}
