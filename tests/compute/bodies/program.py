"""What Nova itself makes of a request's body, run with the interpreter that has Nova.

Each line in is ``[operation, minor, body, admin]``, each line out what came of it. The methods of Nova's controllers
run whole, and below them nova.compute.api up to the point where it would write to a database. What stands for the
other services (``standins.py``) knows the few things that Dicot is told too.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

warnings.simplefilter("ignore")
# An isolated interpreter does not look beside the program.
sys.path.append(str(Path(__file__).parent))

import nova.conf  # type: ignore[import-not-found]  # noqa: E402
from nova import availability_zones, context, crypto, exception, objects, utils  # noqa: E402
from nova.api.openstack import api_version_request, wsgi  # type: ignore[import-not-found]  # noqa: E402
from nova.api.openstack.compute import keypairs, servers  # type: ignore[import-not-found]  # noqa: E402
from nova.api.validation import validators  # type: ignore[import-not-found]  # noqa: E402
from nova.compute import api, flavors  # type: ignore[import-not-found]  # noqa: E402
from nova.compute import utils as compute_utils  # noqa: E402
from nova.network import neutron, security_group_api  # type: ignore[import-not-found]  # noqa: E402
from standins import Network, Volumes, World, group_of, limits  # type: ignore[import-not-found]  # noqa: E402
from webob import exc  # type: ignore[import-untyped]  # noqa: E402

Said = dict[str, Any]
HERE = "az-1"
"""The zone of the server that is updated."""
GENERATED = "a password that nobody asked for"
MOST = 3
"""More servers than these are not made, whatever is asked for."""


class Reached(BaseException):
    """The body was taken; what is left would need a cloud."""

    def __init__(self, **heard: Any) -> None:
        self.heard = heard


class Caller(context.RequestContext):  # type: ignore[misc]
    """Somebody who may do what members may, or everything."""

    def __init__(self, admin: bool) -> None:
        super().__init__("user", "project", is_admin=admin)
        self.policies: list[str] = []

    def can(self, action: str, target: Any = None, fatal: bool = True) -> bool:
        self.policies.append(action)
        denied = not self.is_admin and action in ADMINS
        if denied and fatal:
            raise exception.PolicyNotAuthorized(action=action)
        return not denied


ADMINS = frozenset(
    (
        "os_compute_api:servers:create:forced_host",
        "os_compute_api:servers:create:zero_disk_flavor",
        "compute:servers:create:requested_destination",
    )
)


class Compute(api.API):  # type: ignore[misc]
    """Nova's own checks of a create, heard where they end."""

    def __init__(self, world: World) -> None:
        self.image_api, self.network_api = world, Network(world)
        self.volume_api = Volumes(world)
        self.host_api = None
        self.compute_task_api = self
        self.key = world
        self.placementclient_ = world

    placementclient = property(lambda self: SimpleNamespace(get_provider_by_name=self.placementclient_.provider))

    def create(self, context: Any, flavor: Any, image: Any, **more: Any) -> Any:
        self.asked = more
        return super().create(context, flavor, image, **more)

    def _enforce_create_unified_limits(self, *arguments: Any) -> Any:
        return arguments[-1]

    def _create_reqspec_buildreq_instmapping(self, *_: Any) -> None:
        pass

    def schedule_and_build_instances(self, context: Any, build_requests: Any, request_spec: Any, **more: Any) -> None:
        """Everything was taken."""
        instances = [each.instance for each in build_requests]
        raise Reached(
            names=[each.display_name for each in instances],
            hostnames=[each.hostname for each in instances],
            password=None if self.asked["admin_password"] == GENERATED else self.asked["admin_password"],
            forced=[self.asked["forced_host"] or None, self.asked["forced_node"] or None],
            hints=dict(request_spec[0].hints),
            networks=None
            if more["requested_networks"] is None
            else [[each.network_id, each.port_id, each.tag] for each in more["requested_networks"]],
            devices=[
                {name: each.get(name, None) for name in DEVICE} for each in build_requests[0].block_device_mappings
            ],
            tags=list(dict.fromkeys(each.tag for each in more["tags"])),
            root=f"{flavor_size}Gi" if (flavor_size := instances[0].flavor.root_gb) else None,
            groups=sorted(set(self.asked.get("security_groups") or ["default"])),
            **{name: instances[0][name] for name in TAKEN},
        )

    def update_instance(self, context: Any, instance: Any, changes: Said) -> None:
        """Kept as an instance keeps it."""
        made = objects.Instance(context=context)
        made.update(changes)
        raise Reached(**{name: made[name] for name in changes})

    def import_key_pair(self, context: Any, user: str, name: str, key: str, kind: str) -> None:
        made = {"ssh": crypto.generate_fingerprint, "x509": crypto.generate_x509_fingerprint}[kind](key)
        raise Reached(user=user, name=name, key=key, kind=kind, fingerprint=made)

    def create_key_pair(self, context: Any, user: str, name: str, kind: str) -> None:
        raise Reached(user=user, name=name, key=None, kind=kind, fingerprint=None)

    def start(self, context: Any, instance: Any) -> None:
        raise Reached()

    stop = start

    def reboot(self, context: Any, instance: Any, how: str) -> None:
        raise Reached(how=how)


DEVICE = (
    "boot_index",
    "source_type",
    "destination_type",
    "guest_format",
    "disk_bus",
    "tag",
    "volume_size",
    "no_device",
    "image_id",
    "volume_id",
    "snapshot_id",
    "volume_type",
    "device_type",
    "delete_on_termination",
)
TAKEN = (
    *("image_ref", "display_description", "user_data", "key_name", "metadata", "access_ip_v4", "access_ip_v6"),
    *("availability_zone", "config_drive", "auto_disk_config", "memory_mb"),
)


def stand_in(world: World) -> None:
    """What Nova looks up elsewhere."""
    flavors.get_flavor_by_flavor_id = world.get_flavor
    availability_zones.get_availability_zones = lambda *_, **__: list(world.things["zones"])
    availability_zones.get_instance_availability_zone = lambda *_: HERE
    neutron.get_client = lambda *_, **__: SimpleNamespace(
        show_quota=lambda _: {"quota": {"port": -1}}, list_ports=lambda **_: {"ports": []}
    )
    security_group_api.validate_name = world.group
    security_group_api.populate_security_groups = lambda names: names
    compute_utils.check_num_instances_quota = lambda context, flavor, least, most: min(most, MOST)
    objects.AggregateList.get_by_host = world.aggregates
    objects.service.get_minimum_version_all_cells = lambda *_, **__: 1000
    objects.RequestSpec.get_by_instance_uuid = lambda *_: SimpleNamespace(availability_zone=None, save=lambda: None)
    objects.RequestSpec.from_components = lambda *found, **_: SimpleNamespace(hints=found[6]["scheduler_hints"])
    objects.InstanceGroup.get_by_uuid = group_of
    objects.KeyPair.get_by_name = world.key
    objects.Quotas.limit_check = limits
    objects.HostMapping.get_by_host = world.host
    objects.ComputeNode.get_by_host_and_nodename = world.node
    api.nova_context = SimpleNamespace(target_cell=Nothing)
    validators._SchemaValidator = Checks
    utils.generate_password = lambda: GENERATED


class Nothing:
    """A context that changes nothing."""

    def __init__(self, context: Any, cell: Any) -> None:
        self._context = context

    def __enter__(self) -> Any:
        return self._context

    def __exit__(self, *_: Any) -> None:
        pass


_made: dict[int, Any] = {}
_Validator = validators._SchemaValidator


def Checks(schema: Any, *more: Any) -> Any:
    """Nova's validator of a schema, made once."""
    if id(schema) not in _made:
        _made[id(schema)] = _Validator(schema, *more)
    return _made[id(schema)]


OPERATIONS: Mapping[str, tuple[Any, str]] = {
    "create": (servers.ServersController, "create"),
    "update": (servers.ServersController, "update"),
    "keypair": (keypairs.KeypairController, "create"),
    "action": (servers.ServersController, ""),
}
ACTIONS: Mapping[str, str] = {"os-start": "_start", "os-stop": "_stop", "reboot": "_reboot"}


@cache
def world() -> World:
    """What there is, told by the first line."""
    return World(json.loads(sys.stdin.readline()))


def controller(kind: Any) -> Any:
    """A controller over what stands for the rest."""
    made = kind.__new__(kind)
    instance = SimpleNamespace(uuid="server", project_id="project", user_id="user")
    made.compute_api = made.api = Compute(world())
    made._get_server = made._get_instance = lambda *_, **__: instance
    return made


def request(minor: int, caller: Caller) -> Any:
    """A request of 2.minor."""
    made = wsgi.Request.blank("/")
    made.api_version_request = api_version_request.APIVersionRequest(f"2.{minor}")
    made.environ["nova.context"] = caller
    return made


def method(controller: Any, name: str, body: Any) -> Callable[..., Any]:
    """The method that an operation is; that of an action as nova.api.openstack.wsgi finds it."""
    if not name:
        action = wsgi.action_peek(json.dumps(body))
        if action not in ACTIONS:
            raise exc.HTTPBadRequest(explanation=f"There is no such action: {action}")
        name = ACTIONS[action]
    found: Callable[..., Any] = getattr(controller, name)
    return found


def told(operation: str, minor: int, body: Any, admin: bool) -> Said:
    """What became of a body: ``code`` and ``message`` of a refusal, or what was ``heard``."""
    caller = Caller(admin)
    kind, name = OPERATIONS[operation]
    arguments = {} if operation in ("create", "keypair") else {"id": "server"}
    try:
        method(controller(kind), name, body)(req=request(minor, caller), body=body, **arguments)
    except Reached as reached:
        return {"heard": reached.heard, "policies": caller.policies}
    except exception.ValidationError as error:
        return {"code": 400, "message": error.format_message(), "schema": True}
    except exception.MalformedRequestBody:
        return {"code": 400, "message": "Malformed request body", "schema": True}
    except exception.Forbidden as error:
        return {"code": 403, "message": error.format_message()}
    except exc.HTTPException as error:
        return {"code": error.code, "message": error.explanation}
    return {"heard": {}, "policies": caller.policies}


def main() -> None:
    """Answers until there are no more questions."""
    nova.conf.CONF([], project="nova", default_config_files=[])
    objects.register_all()
    stand_in(world())
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            found = told(*json.loads(line))
        except Exception as error:
            found = {"code": 500, "message": f"{type(error).__name__}: {error}"}
        print(json.dumps(found, default=str), file=out, flush=True)


if __name__ == "__main__":
    main()
