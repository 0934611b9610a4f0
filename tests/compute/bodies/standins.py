"""What stands for the services that Nova asks, and knows only what it is told: Glance, Neutron, Cinder, its database.

Imported by ``program.py``, with the interpreter that has Nova.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from neutronclient.common import exceptions as neutron_errors  # type: ignore[import-not-found]
from nova import exception, objects  # type: ignore[import-not-found]
from nova.network import neutron  # type: ignore[import-not-found]


class World:
    """What exists, by id or name. Fulfils what Nova asks of Glance, Neutron and Cinder."""

    def __init__(self, things: Mapping[str, Any]) -> None:
        self.things = things

    def get(self, context: Any, id: str) -> Any:
        """An image."""
        if id.lower() not in self.things["images"]:
            raise exception.ImageNotFound(image_id=id)
        return {"id": id.lower(), "min_ram": 0, "size": 0, **self.things["images"][id.lower()]}

    def get_flavor(self, context: Any, id: str, **_: Any) -> Any:
        if id not in self.things["flavors"]:
            raise exception.FlavorNotFound(flavor_id=id)
        return objects.Flavor(
            id=1,
            flavorid=id,
            name="f",
            disabled=False,
            extra_specs={},
            **self.things["flavors"][id],
        )

    def key(self, context: Any, user: str, name: str) -> Any:
        if name not in self.things["keys"]:
            raise exception.KeypairNotFound(user_id=user, name=name)
        return objects.KeyPair(name=name, public_key="key", type="ssh", user_id=user)

    def group(self, context: Any, name: str) -> str:
        """A security group, refused as neutronclient's find_resourceid_by_name_or_id does."""
        found: list[str] = [name] if name in self.things["groups"].values() else []
        found = found or [id for known, id in self.things["groups"].items() if known == name]
        if not found:
            error = neutron_errors.NotFound(message=f"Unable to find security_group with name or id '{name}'")
            raise exception.SecurityGroupNotFound(str(error))
        return found[0]

    def host(self, context: Any, host: str) -> Any:
        if host not in self.things["hosts"]:
            raise exception.HostMappingNotFound(name=host)
        return SimpleNamespace(cell_mapping=None)

    def aggregates(self, context: Any, host: str | None) -> Any:
        zone = self.things["hosts"].get(host)
        return [SimpleNamespace(availability_zone=zone)] if zone else []

    def provider(self, context: Any, name: str) -> None:
        if name not in self.things["hosts"]:
            raise exception.ResourceProviderNotFound(name_or_uuid=name)

    def node(self, context: Any, host: str, name: str) -> None:
        if name != host:
            raise exception.ComputeHostNotFound(host=host)


class Network(neutron.API):  # type: ignore[misc]
    """Nova's own checks of networks, over what there is."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _get_available_networks(self, context: Any, project: str, ids: Iterable[str] = (), **_: Any) -> Any:
        own = self.world.things["network"]
        return [{"id": id, "subnets": ["s"]} for id in dict.fromkeys(ids or [own]) if id.lower() == own]

    def _show_port(self, context: Any, id: str, **_: Any) -> Any:
        if id.lower() not in self.world.things["ports"]:
            raise exception.PortNotFound(port_id=id)
        used = self.world.things["ports"][id.lower()]
        return {"device_id": used, "fixed_ips": ["ip"], "network_id": self.world.things["network"]}

    def create_resource_requests(self, *_: Any, **__: Any) -> Any:
        return None, [], None

    def is_remote_managed_port(self, *_: Any) -> bool:
        return False


class Volumes:
    """Cinder, over what there is."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, context: Any, id: str) -> Any:
        if id.lower() not in self._world.things["volumes"]:
            raise exception.VolumeNotFound(volume_id=id)
        return {"id": id.lower(), "multiattach": False, **self._world.things["volumes"][id.lower()]}

    def get_snapshot(self, context: Any, id: str) -> Any:
        if id.lower() not in self._world.things["snapshots"]:
            raise exception.SnapshotNotFound(snapshot_id=id)
        return {"id": id.lower(), **self._world.things["snapshots"][id.lower()]}

    def get_all_volume_types(self, context: Any) -> Any:
        return self._world.things["volume_types"]

    def attachment_create(self, context: Any, volume: str, server: str) -> Any:
        """Refused as cinder.volume.api does it, in the form in which nova.volume.cinder passes it on."""
        found = self.get(context, volume)
        allowed = ["available", "in-use", "downloading"] if found["multiattach"] else ["available", "downloading"]
        if found["status"] not in allowed:
            reason = (
                f"Invalid volume: Volume {volume} status must be {' or '.join(allowed)} to reserve, "
                f"but the current status is {found['status']}."
            )
            raise exception.InvalidInput(reason=reason)
        return {"id": volume}


def group_of(context: Any, id: Any) -> Any:
    raise exception.InstanceGroupNotFound(group_uuid=id)


def limits(context: Any, **asked: int) -> None:
    """Dicot's own: 128 items of metadata, and no files."""
    if asked.get("metadata_items", 0) > 128:
        raise exception.MetadataLimitExceeded(allowed=128)
    if asked.get("injected_files", 0) > 0:
        raise exception.OnsetFileLimitExceeded()
