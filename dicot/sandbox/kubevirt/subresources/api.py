"""subresources.kubevirt.io, as virt-api serves it (pkg/virt-api/api.go, rest/)."""

from typing import Protocol

import msgspec

from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.kube.kind import Manifest

from ...apiserver.asked import Attributes
from ...apiserver.refusal import Refusal
from ...apiserver.seams import Answer, Authorizer, Call, Reader, Registry
from ...nodes.devices import DEVICES, Sessions
from ...nodes.handler import FACTS
from ..settings import NAMESPACE, Settings, settings
from . import expand, guests, routes
from .asked import Asked, is_dry
from .refusals import MACHINE, bad, conflict, internal, unserved
from .routes import JSON, Route
from .writes import Edit, carry_out, instance

GROUP = "subresources.kubevirt.io"
VERSIONS: tuple[str, ...] = ("v1", "v1alpha3")
_PLAIN = "text/plain; charset=utf-8"
_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PROFILERS = {f"/{each}-cluster-profiler": each for each in ("start", "stop", "dump")}
_UNKNOWN_TO_HANDLER = "unexpected return code 404 (404 Not Found), message: "


_IN_USE = "websocket: bad handshake: Active VNC connection. Request denied."
_NO_SOCKET = (
    "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header"
)


class Node(Protocol):
    """The virt-handler of a guest's node."""

    def knows(self, action: str) -> bool:
        """Whether it does that."""
        ...

    async def tell(self, namespace: str, name: str, action: str) -> None:
        """Do it. Raises of ``dicot.kube.errors``."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The connections to its guests' devices."""
        ...


class Subresources:
    """What virt-api serves beside its webhooks. ``kube`` writes in virt-api's own name."""

    group = GROUP
    versions = VERSIONS

    def __init__(self, reader: Reader, registry: Registry, authorizer: Authorizer, kube: Kube, node: Node) -> None:
        self._reader = reader
        self._registry = registry
        self._authorizer = authorizer
        self._kube = kube
        self._node = node

    def discovery(self, version: str) -> Manifest:
        """See Aggregated. Kinds and verbs are not told."""
        named = [
            {"name": name, "singularName": "", "namespaced": True, "kind": "", "verbs": None}
            for name in routes.LISTED
        ]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{GROUP}/{version}",
            "resources": named,
        }

    async def answer(self, version: str, call: Call) -> Answer:
        """See Aggregated."""
        if call.path in ("", "/"):
            return _json(200, self.discovery(version))
        if call.path in ("/version", "/healthz", "/guestfs"):
            return await self._about(call.path)
        if call.path in _PROFILERS:
            told = f'Unable to {_PROFILERS[call.path]} profiler. "ClusterProfiler" feature gate must be enabled'
            return _text(403, told)
        parts = call.path.split("/")[1:]
        refusal = self._authorize(version, call, parts)
        if refusal is not None:
            return _text(401, refusal)
        base = parts[2] == "expand-vm-spec"
        route = routes.EXPAND if base else routes.find(parts[2], "/".join(parts[4:]))
        refused = _unroutable(route, call)
        if refused is not None or route is None:
            return refused or _text(404, "404: Page Not Found")
        asked = Asked(self._reader, self._settings(), parts[1], parts[2], "" if base else parts[3], call.body)
        return await self._serve(route, asked, "/".join(parts[4:]), call)

    def _settings(self) -> Settings:
        return settings(self._reader.get("kubevirt.io", "kubevirts", NAMESPACE, "kubevirt"))

    def _authorize(self, version: str, call: Call, parts: list[str]) -> str | None:
        """Why virt-api does not let somebody in, None where it does (rest/authorizer.go)."""
        whole = f"/apis/{GROUP}/{version}{call.path}"
        if (len(parts) != 3 and len(parts) < 5) or parts[0] != "namespaces":
            return f"unknown api endpoint: {whole}"
        known = ("expand-vm-spec",) if len(parts) == 3 else tuple(routes.RESOURCES)
        if parts[2] not in known:
            return f"unknown resource type {parts[2]}"
        if call.method not in _VERBS:
            return f"unknown http verb in request: {call.method}"
        name, subresource = (parts[3], "/".join(parts[4:])) if len(parts) > 3 else ("", "")
        if subresource.startswith("portforward/"):
            subresource = "portforward"
        verb = "list" if not name and _VERBS[call.method] == "get" else _VERBS[call.method]
        wanted = Attributes(verb, GROUP, version, parts[2], subresource, parts[1], name)
        verdict = self._authorizer.authorize(call.user, wanted)
        return None if verdict.allowed else verdict.reason

    async def _serve(self, route: Route, asked: Asked, action: str, call: Call) -> Answer:
        if route.gates and not asked.settings.gates & set(route.gates):
            raise bad(route.off)
        if route.power is not None:
            await carry_out(self._kube, route.power(asked))
            return Answer(202)
        match route.how:
            case "told" if route.check is not None:
                return await self._tell(route.check, asked, action)
            case "info" if route.check is not None:
                return _info(route.check, asked, action)
            case "stream" if route.check is not None:
                route.check(asked)
                return self._stream(asked, action, call)
            case "expand":
                return self._expand(asked)
            case "evacuate":
                return await self._stay(asked)
            case "undump":
                return _undump(asked)
        raise unserved(f"{action} is")

    def _stream(self, asked: Asked, kind: str, call: Call) -> Answer:
        """Connect somebody with a guest's device."""
        if kind not in DEVICES:
            raise unserved("streams to guests' ports are")
        sessions, at = self._node.sessions, (asked.namespace, asked.name, kind)
        if kind == "vnc" and call.query.get("preserveSession") == ("true",) and sessions.is_open(*at):
            raise internal(_IN_USE)
        # It says it twice: as its library does, and as itself.
        said = b"Bad Request\n" + msgspec.json.format(msgspec.json.encode(bad(_NO_SOCKET).status()), indent=1)
        headers = {"Sec-Websocket-Version": "13", "X-Content-Type-Options": "nosniff"}
        return Answer(400, said, _PLAIN, headers, stream=lambda: sessions.frames(*at))

    async def _tell(self, check: guests.Check, asked: Asked, action: str) -> Answer:
        if not check(asked):
            return Answer(200)
        if not self._node.knows(action):
            raise internal(_UNKNOWN_TO_HANDLER)
        try:
            await self._node.tell(asked.namespace, asked.name, action)
        except (Refused, Doubtful, Unreachable) as trouble:
            told = f"unexpected return code 500 (500 Internal Server Error), message: {trouble}"
            raise internal(told) from None
        return Answer(200)

    def _expand(self, asked: Asked) -> Answer:
        stored = bool(asked.name)
        machines = self._registry.find("kubevirt.io", "v1", "virtualmachines")
        form = machines.schema if machines is not None else None
        vm = asked.machine() if stored else expand.read(asked.body, asked.namespace, form)
        try:
            return _json(200, expand.expand(vm, self._reader, asked.settings))
        except expand.Unexpandable as why:
            raise internal(str(why)) if stored else bad(str(why)) from None

    async def _stay(self, asked: Asked) -> Answer:
        """Call an evacuation off."""
        vmi = guests.of_machine(asked) if asked.resource == "virtualmachines" else asked.instance()
        if not guests.evacuating(asked, vmi):
            return Answer(200)
        options = asked.options("EvacuateCancelOptions", {"dryRun": "[]string", "evacuationNodeName": "string"})
        path = "/status/evacuationNodeName"
        test = {"op": "test", "path": path, "value": options.get("evacuationNodeName", "")}
        dry = is_dry(options, "PatchOptions")
        await carry_out(self._kube, (Edit(instance(vmi), (test, {"op": "remove", "path": path}), dry),))
        return Answer(200)

    async def _about(self, path: str) -> Answer:
        """What virt-api says of itself, to everybody."""
        found = self._reader.get("kubevirt.io", "kubevirts", NAMESPACE, "kubevirt") or {}
        if path == "/version":
            return _json(200, {"gitVersion": found.get("status", {}).get("observedKubeVirtVersion", "")})
        if path == "/guestfs":
            if found.get("status", {}).get("observedDeploymentConfig"):
                raise unserved("images of libguestfs are")
            return _json(500, {"guestfs": {"error": "unexpected end of JSON input", "status": "failed"}})
        version = msgspec.json.decode(await self._kube.fetch("/version"))
        connected = {"connectivity": "ok", "version": version}
        revision = found.get("metadata", {}).get("resourceVersion", "")
        return _json(200, {"apiserver": connected, "config-resource-version": revision})


def _unroutable(route: Route | None, call: Call) -> Answer | None:
    """What go-restful says before anybody is asked."""
    if route is None:
        return _text(404, "404: Page Not Found")
    if call.method != route.method:
        return Answer(405, b"405: Method Not Allowed", _PLAIN, {"Allow": route.method})
    accepted = [each.partition(";")[0].strip() for each in call.accept.split(",")]
    if "*/*" not in accepted and (not route.media or route.media not in accepted):
        return _text(406, f"406: Not Acceptable\n\nAvailable representations: {route.media}")
    return None


def _info(check: guests.Check, asked: Asked, action: str) -> Answer:
    """What virt-handler tells. virt-api makes every refusal a 500 in plain text."""
    try:
        check(asked)
    except Refusal as refused:
        return _text(500, refused.message)
    if action not in FACTS:
        return _text(500, _UNKNOWN_TO_HANDLER)
    return _json(200, FACTS[action](asked.instance()))


def _undump(asked: Asked) -> Answer:
    vm = asked.machine()
    if vm.get("status", {}).get("memoryDumpRequest") is not None:
        raise unserved("memory dumps are")
    why = f"can't remove memory dump association for vm {asked.name}, no association found"
    raise conflict(MACHINE, asked.name, why)


def _json(code: int, document: Manifest) -> Answer:
    return Answer(code, msgspec.json.encode(document), JSON)


def _text(code: int, text: str) -> Answer:
    return Answer(code, text.encode(), _PLAIN)
