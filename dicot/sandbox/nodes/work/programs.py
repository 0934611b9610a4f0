"""What really runs in Pods of CDI: the workers that move bytes, each as long as its Pod is there."""

import random
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import json
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.server import Site

from dicot.kube.address import Place
from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.kube.kind import Manifest

from ...cdi.names import PROXY
from ..kinds import CLONE_SOURCE, COMPONENT, UPLOAD_SERVER, Pod
from . import exporting, importing
from .contents import Contents
from .formats import Unusable
from .job import Find, Job
from .names import Names
from .uploading import PORT, UploadSite, options

IMPORTER = "importer"
EXPORTER = "kubevirt.io.virt-export-service"
"""Label of KubeVirt's export servers."""
SERVED = (IMPORTER, UPLOAD_SERVER, CLONE_SOURCE, EXPORTER)
_UPLOADED = '{"preallocationApplied":false,"message":"Upload Complete"}'
_TRIES = 20
T = TypeVar("T")
_log = Logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, for the nth time: its exit code and its termination message."""

    code: int
    message: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class State:
    """How a program is: ``ready`` to be asked, at an ``address`` of its own if it listens; ``ended`` once it has."""

    ready: bool = False
    address: str = ""
    ended: Ended | None = None


class Programs:
    """The programs of all Pods. ``look`` is told of a Pod whose program has changed, by namespace and name; ``clock``
    has the cluster's time; ``rest`` are the seconds until one that failed is started again."""

    def __init__(self, contents: Contents, kube: Kube, names: Names, reactor: Any, rest: float) -> None:
        self.contents = contents
        self.names = names
        self.look: Callable[[str, str], None] = lambda namespace, name: None
        self.clock: IReactorTime = reactor
        self._kube = kube
        self._reactor = reactor
        self._rest = rest
        self._agent = importing.agent(reactor)
        self._states: dict[str, State] = {}
        self._running: dict[str, Deferred[None]] = {}

    def state(self, pod: Pod, find: Find, target: Callable[[], str]) -> State | None:
        """How a Pod's program is; it is started if it does not run. None for a Pod that has none. ``find`` is the
        volume of a claim, ``target`` the name of the volume that a clone source fills, "" while nobody knows."""
        labels = pod.metadata.labels
        component = EXPORTER if EXPORTER in labels else labels.get(COMPONENT, "")
        if component not in SERVED:
            return None
        uid = pod.metadata.uid
        if uid not in self._states:
            self._states[uid] = State()
            running = Deferred.fromCoroutine(self._run(pod, component, find, target))
            self._running[uid] = running
            running.addErrback(lambda failure: failure.trap(CancelledError))
            running.addErrback(lambda failure: _log.failure("{pod}", failure, pod=pod.metadata.name))
        return self._states[uid]

    def end(self, uid: str) -> None:
        """A Pod is gone."""
        self._states.pop(uid, None)
        running = self._running.pop(uid, None)
        if running is not None:
            running.cancel()

    def close(self) -> None:
        """End all of them."""
        for uid in list(self._running):
            self.end(uid)

    def _say(self, pod: Pod, state: State) -> None:
        if pod.metadata.uid in self._states:
            self._states[pod.metadata.uid] = state
            self.look(pod.metadata.namespace, pod.metadata.name)

    async def _run(self, pod: Pod, component: str, find: Find, target: Callable[[], str]) -> None:
        if component == EXPORTER:
            await self._export(pod, find)
            return
        found, job = await self._given(pod, lambda found: Job.of(found, find))
        if component == IMPORTER:
            self._say(pod, State(ready=True))
            await self._again(pod, lambda: importing.fetch(job, self.contents, self._agent, self._reactor))
        elif component == CLONE_SOURCE:
            self._say(pod, State(ready=True))
            await self._again(pod, lambda: self._send(job, target))
        elif job.settings.get("CLIENT_NAME") != PROXY:
            # The target of a clone: its source writes into its volume.
            self._say(pod, State(ready=True))
        else:
            data = await self._mounted(found, "tls-config")
            await self._again(pod, lambda: self._serve(pod, job, data))

    async def _given(self, pod: Pod, understood: Callable[[Manifest], T]) -> tuple[Manifest, T]:
        """The Pod as a whole, and what follows from it, once that can be said."""
        at = Place("", "v1", "pods", pod.metadata.namespace, pod.metadata.name)
        while True:
            found = await self._read(at)
            try:
                return found, understood(found)
            except LookupError as reason:
                _log.debug("{pod}: {reason}", pod=pod.metadata.name, reason=reason)
                await deferLater(self._reactor, self._rest)

    async def _mounted(self, pod: Manifest, volume: str) -> dict[str, bytes]:
        """The Secret behind a volume of a Pod, once it is there."""
        name = next(each["secret"]["secretName"] for each in pod["spec"]["volumes"] if each["name"] == volume)
        found = await self._read(Place("", "v1", "secrets", pod["metadata"]["namespace"], name))
        return {key: b64decode(text) for key, text in (found.get("data") or {}).items()}

    async def _told(self, pod: Manifest) -> dict[str, str] | None:
        """What an export server tells of a machine, once it is there; None where its Pod has nothing of the kind."""
        for each in pod["spec"]["volumes"]:
            if each["name"] == "manifest-data":
                place = Place("", "v1", "configmaps", pod["metadata"]["namespace"], each["configMap"]["name"])
                told: dict[str, str] = (await self._read(place)).get("data") or {}
                return told
        return None

    async def _read(self, at: Place) -> Manifest:
        """An object, once it is there and can be read."""
        while True:
            try:
                found: Manifest = json.decode(await self._kube.read(at))
            except (Refused, Doubtful, Unreachable) as reason:
                _log.debug("{name}: {reason}", name=at.name, reason=reason)
                await deferLater(self._reactor, self._rest)
            else:
                return found

    async def _again(self, pod: Pod, work: Callable[[], Awaitable[str]]) -> None:
        """Work until it is done well."""
        times = 1
        while True:
            try:
                message = await work()
            except Unusable as reason:
                self._say(pod, State(ready=True, ended=Ended(1, str(reason), times)))
                times += 1
                await deferLater(self._reactor, self._rest)
            else:
                self._say(pod, State(ready=True, ended=Ended(0, message, times)))
                return

    async def _send(self, job: Job, target: Callable[[], str]) -> str:
        while not target():
            await deferLater(self._reactor, self._rest)
        await self.contents.copy(job.held.volume, target())
        return "{}"

    async def _serve(self, pod: Pod, job: Job, secret: dict[str, bytes]) -> str:
        site = UploadSite(job, self.contents, self._reactor)
        await self._listening(pod, job.labels.get("service", ""), site, options(secret), site.done)
        return _UPLOADED

    async def _export(self, pod: Pod, find: Find) -> None:
        found, served = await self._given(pod, lambda found: exporting.export(found, find))
        certified = options(await self._mounted(found, "certificates"))
        token = (await self._mounted(found, "token")).get("token")
        mounted = exporting.Mounted(token.decode() if token is not None else None, await self._told(found))
        site = exporting.site(served, mounted, self.contents, self._reactor)
        # The Service of a name with dots, which a Service cannot have, has dashes.
        service = pod.metadata.name.replace(".", "-")
        await self._listening(pod, service, site, certified, self._until(served.deadline))
        self._say(pod, State(ready=True, ended=Ended(0, "")))

    def _until(self, deadline: float | None) -> Deferred[None]:
        """Fires at a moment; where there is none it ends with its Pod."""
        if deadline is None:
            return Deferred()
        return deferLater(self.clock, max(0.0, deadline - self.clock.seconds()), lambda: None)

    async def _listening(
        self, pod: Pod, service: str, site: Site, context: CertificateOptions, done: Deferred[None]
    ) -> None:
        """Listen until it is done, and be found by the name of a Service."""
        namespace = pod.metadata.namespace
        address, port = self._listen(site, context)
        self.names.add(service, namespace, address)
        try:
            self._say(pod, State(ready=True, address=address))
            await done
        finally:
            self.names.drop(service, namespace)
            port.stopListening()

    def _listen(self, site: Site, context: CertificateOptions) -> tuple[str, IListeningPort]:
        """On the port that Services name, and an address of this machine's own that nobody has."""
        for left in reversed(range(_TRIES)):
            address = f"127.{random.randrange(64, 128)}.{random.randrange(256)}.{random.randrange(1, 255)}"
            try:
                return address, self._reactor.listenSSL(PORT, site, context, interface=address)
            except CannotListenError:
                if not left:
                    raise
        raise AssertionError
