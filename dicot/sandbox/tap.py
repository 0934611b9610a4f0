"""``twistd dicot-sandbox``: a Kubernetes in one process."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python import usage
from twisted.web.http import HTTPChannel
from twisted.web.server import Site

from .apiserver.audit import AuditLog, silent
from .apiserver.front import Front
from .apiserver.journal import Unreadable
from .apiserver.storage import Storage
from .assembly import Assembled, Secrets, assembled
from .clients import clients, kube, nodes, uploads
from .kubevirt.plug import VIRT_API, VIRT_HANDLER, Programs
from .listen import CannotListen, Listener, bound, certificate, secured
from .nodes.machines import DEFAULT, machines
from .nodes.work.names import Names
from .settled.loader import Loader
from .settled.renaming import Renamer
from .state import State, Unusable

HOST = "127.0.0.1"
AUDITED = ("system:serviceaccount:dicot-system:", "system:serviceaccount:dicot-projects:")
log = Logger()


class Options(usage.Options):
    """The command line."""

    optParameters = [
        ["listen", "l", "6443", "Port on loopback; 0 takes any."],
        ["state", "s", None, "A folder or file that objects survive in; without it they end with the process."],
        ["servers", "n", "0", "Settled servers that project demo gets as soon as it is there."],
        ["renames", "r", "0", "Of settled servers, a second, for those who need events."],
        ["nodes", "N", DEFAULT, "How many nodes, or ZONE:CPU:MEMORY for each, with commas."],
        ["audit", "a", None, "A file that tells of each request of Dicot's accounts, also those that are refused."],
        ["kubeconfig", "k", None, "Where the way in is written; by default into the folder of the state."],
    ]

    def postOptions(self) -> None:
        """Raises UsageError for what is no number."""
        text = self["listen"]
        if not text.isdecimal() or int(text) > 65535:
            raise usage.UsageError(f"--listen: {text} is no port")
        for option in ("servers", "renames"):
            if not self[option].isdecimal():
                raise usage.UsageError(f"--{option}: {self[option]} is no number")
        try:
            self["machines"] = machines(self["nodes"])
        except ValueError as error:
            raise usage.UsageError(f"--nodes: {error}") from error


class Channel(HTTPChannel):
    """A connection that tells why it ends, as Go's server does (net/http, server.go)."""

    def _respondToBadRequestAndDisconnect(self) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n")
        self.transport.write(b"Connection: close\r\n\r\n400 Bad Request")
        self.loseConnection()


class QuietSite(Site):
    """No line for each request: a cluster has too many."""

    protocol = Channel  # type: ignore[assignment]

    def log(self, request: Any) -> None:
        """See HTTPFactory."""


class Sandbox(Service):
    """The API server and the upload proxy, from their first to their last request."""

    def __init__(
        self, parts: Assembled, listeners: Sequence[Listener], clients: Sequence[IService], temporary: Path | None
    ) -> None:
        self._parts = parts
        self._listeners = listeners
        self._clients = clients
        self._temporary = temporary

    def startService(self) -> None:
        """Answer requests."""
        super().startService()
        self._parts.loop.startService()
        for listener in self._listeners:
            listener.startService()
        for client in self._clients:
            client.startService()

    def stopService(self) -> Deferred[None]:
        """End all watches, and let go of the state."""
        super().stopService()
        return Deferred.fromCoroutine(self._stopped())

    async def _stopped(self) -> None:
        for client in self._clients:
            client.stopService()
        self._parts.loop.stopService()
        self._parts.watches.stop()
        for listener in self._listeners:
            await listener.stopService()
        self._parts.storage.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def makeService(options: Options) -> IService:
    """Raises UsageError for what cannot be used: a taken port, a file of somebody else."""
    from twisted.internet import reactor

    Factory.noisy = False
    whole = MultiService()
    try:
        _sandbox(options, reactor).setServiceParent(whole)
    except (CannotListen, Unreadable, Unusable) as error:
        raise usage.UsageError(str(error)) from error
    return whole


def _sandbox(options: Options, reactor: Any) -> Sandbox:
    temporary = None if options["state"] else Path(tempfile.mkdtemp(prefix="dicot-sandbox-"))
    state = State(temporary, None) if temporary is not None else State.at(Path(options["state"]))
    listening = bound(HOST, int(options["listen"]), "--listen")
    uploading = bound(HOST, 0, "uploads")
    state.prepare()
    storage = Storage(state.journal())
    volumes, names = state.volumes(), Names()
    proxy = f"{HOST}:{uploading.getsockname()[1]}"
    exports = state.exports()
    secrets = Secrets(
        state.users(), state.accounts.read_bytes(), state.authority.read_text(), volumes, exports.pem.decode(), proxy
    )
    server = f"https://{HOST}:{listening.getsockname()[1]}"
    written = Path(options["kubeconfig"] or state.kubeconfig)
    state.write_kubeconfig(server, written)
    programs = Programs(kube(str(written), VIRT_API, reactor), kube(str(written), VIRT_HANDLER, reactor))
    audit = AuditLog(Path(options["audit"]), AUDITED) if options["audit"] else silent
    parts = assembled(storage, secrets, programs, reactor, audit)
    site = QuietSite(Front(parts.backend, parts.faults, parts.clock), parsePOSTFormSubmission=False)
    certified = certificate(str(state.certificate), str(state.key), "--state")
    uploads_site = uploads(written, volumes, state.contents, names, reactor, parts.clock)
    listeners = (
        Listener(reactor, listening, secured(site, certified, reactor)),
        Listener(reactor, uploading, secured(uploads_site, certified, reactor)),
    )
    log.info("the sandbox is at {server}; export KUBECONFIG={path}", server=server, path=written)
    loader = Loader(storage, parts.objects, parts.watches, reactor, int(options["servers"]))
    renamer = Renamer(storage, parts.objects, reactor, time.time, int(options["renames"]))
    inside = clients(written, volumes, exports, reactor, parts.clock)
    own = nodes(written, state.contents, names, reactor, parts.clock, options["machines"])
    return Sandbox(parts, listeners, (*inside, own, loader, renamer), temporary)
