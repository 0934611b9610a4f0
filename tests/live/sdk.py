"""What a program with openstacksdk does, run with the interpreter of that client: prints what it saw as JSON.

OS_CLIENT_CONFIG_FILE=... OS_CLOUD=... python sdk.py NAME
"""

import json
import sys
from typing import Any

import openstack  # type: ignore[import-not-found]

WAIT = 60
NOWHERE = "6a4d3f5e-0000-4000-8000-0123456789ab"


def main(name: str) -> dict[str, Any]:
    """A server's life, and what goes wrong beside it."""
    cloud = openstack.connect()
    key = cloud.create_keypair(name)
    seen: dict[str, Any] = {"key": {"private": key.private_key, "public": key.public_key, "print": key.fingerprint}}
    server = cloud.create_server(
        name,
        image="cirros-live",
        flavor="m1.tiny",
        network="private",
        key_name=name,
        meta={"made": "by sdk"},
        auto_ip=False,
        wait=True,
        timeout=WAIT,
    )
    seen["made"] = shown(server)
    seen["address"] = server.private_v4
    seen["listed"] = [each.name for each in cloud.compute.servers(name=f"^{name}$", status="ACTIVE")]
    seen["brief"] = [each.name for each in cloud.compute.servers(details=False, name=name)]
    cloud.compute.stop_server(server)
    seen["stopped"] = becomes(cloud, server.id, "SHUTOFF")
    cloud.compute.start_server(server)
    seen["started"] = becomes(cloud, server.id, "ACTIVE")
    cloud.compute.reboot_server(server, "HARD")
    seen["rebooted"] = becomes(cloud, server.id, "ACTIVE")
    seen["renamed"] = shown(cloud.update_server(server.id, name=f"{name}-new"))
    seen["wrong"] = wrong(cloud)
    seen["deleted"] = cloud.delete_server(server.id, wait=True, timeout=WAIT)
    seen["key deleted"] = cloud.delete_keypair(name)
    seen["left"] = [each.name for each in cloud.compute.servers(name=name)]
    return seen


def becomes(cloud: Any, id: str, status: str) -> dict[str, Any]:
    """The server once it has that status. The SDK would believe what it knew before it asks."""
    now = cloud.compute.get_server(id)
    return shown(cloud.compute.wait_for_server(now, status=status, interval=0.5, wait=WAIT))


def shown(server: Any) -> dict[str, Any]:
    return {
        "name": server.name,
        "status": server.status,
        "power_state": server.power_state,
        "key_name": server.key_name,
        "metadata": server.metadata,
        "flavor": server.flavor.original_name,
    }


def wrong(cloud: Any) -> dict[str, Any]:
    """What the SDK makes of refusals."""
    flavor = cloud.get_flavor("m1.tiny").id
    image = cloud.get_image("cirros-live").id
    tries = {
        "no server": lambda: cloud.compute.get_server(NOWHERE),
        "no flavor": lambda: cloud.compute.create_server(name="x", flavor_id="nope", image_id=image, networks="auto"),
        "no image": lambda: cloud.compute.create_server(
            name="x", flavor_id=flavor, image_id=NOWHERE, networks="auto"
        ),
        "no network": lambda: cloud.compute.create_server(
            name="x", flavor_id=flavor, image_id=image, networks=[{"uuid": NOWHERE}]
        ),
    }
    found: dict[str, Any] = {}
    for name, attempt in tries.items():
        try:
            found[name] = str(attempt())
        except openstack.exceptions.SDKException as error:
            found[name] = [type(error).__name__, error.details if hasattr(error, "details") else str(error)]
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
