"""``twistd dicot``: reads the configuration, binds, and runs the daemon."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python import usage

from . import command
from .assembly import Parts, assembled
from .collector import Collector
from .config import Address, Config, ConfigError, read
from .faults import Fault
from .identity.boot import first_boot
from .kube.credentials import Unusable, load
from .kube.errors import Doubtful, Refused, Unreachable
from .status.monitor import Monitor, Sources
from .status.pages import probes
from .web.access import AccessLog, LogEvents, LogFile, Record
from .web.api import Api
from .web.intake import Site
from .web.limits import Limits, affordable
from .web.listen import CannotListen, Listener, bound, certificate, secured
from .web.site import build_site, drain

log = Logger()
PATIENCE = 30.0
"""Seconds that writes under way have to finish when the daemon ends."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between tries of the first boot."""
MONITORING = 64
"""Connections for monitoring."""
CRASH_AT = "DICOT_CRASH_AT"
"""An environment variable of the tests: the checkpoint at which the process kills itself, as ``checkpoint`` says."""


class Options(usage.Options):
    """The command line."""

    optParameters = [["config", "c", "/etc/dicot/dicot.toml", "The configuration file."]]
    optFlags = [["check-config", None, "Check it and what the cluster has, as `dicot check`, and end."]]

    def postOptions(self) -> None:
        """Ends the process where only a check was asked for."""
        if self["check-config"]:
            raise SystemExit(command.main(["check", "--config", self["config"]]))


class Running(Service):
    """The parts, started in the order in which they need each other and stopped in the reverse."""

    def __init__(self, parts: Parts, listeners: MultiService, reactor: Any) -> None:
        self._parts = parts
        self._listeners = listeners
        self._reactor = reactor
        self._collector = Collector(reactor)
        self._boot: Deferred[None] | None = None
        self.is_filled = False
        self.is_leaving = False

    def startService(self) -> None:
        Service.startService(self)
        self._collector.startService()
        self._parts.pool.start()
        filled = gatherResults([feed.start() for feed in self._parts.feeds], consumeErrors=True)
        filled.addCallbacks(self._filled, lambda failure: log.failure("a list was not filled", failure))
        for reflector in self._parts.watches.reflectors:
            reflector.start()
        self._parts.watches.probe.start().addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._parts.steward.start()
        self._parts.presence.start()
        self._boot = Deferred.fromCoroutine(self._found())
        self._boot.addErrback(lambda failure: None)
        self._listeners.startService()

    def _filled(self, _: object) -> None:
        self._collector.settle()
        self.is_filled = True
        log.info("all lists are filled")

    def checks(self) -> Mapping[str, bool]:
        """What /readyz asks."""
        return {**self._parts.checks(), "lists": self.is_filled, "stays": not self.is_leaving}

    async def _found(self) -> None:
        """The first boot, tried until it is done: the cluster may be away when the daemon starts."""
        parts, pauses = self._parts, iter(PAUSES)
        while True:
            try:
                await parts.desk.ring.ensure()
                if await first_boot(parts.founding, parts.kube, parts.config.admin_secret, os.urandom):
                    log.info(
                        "identity was founded; the administrator's password is in Secret {name}",
                        name=parts.config.admin_secret,
                    )
                return
            except (Refused, Doubtful, Unreachable, Fault) as error:
                log.warn("the first boot has to wait: {error}", error=error)
            await deferLater(self._reactor, next(pauses, PAUSES[-1]))

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stopped())

    async def _stopped(self) -> None:
        """Those who send requests here are told first; then the listeners, which waits for open writes; then what the
        writes stood on."""
        self.is_leaving = True
        if self.is_filled and self._parts.config.leave_seconds:
            log.info("going on for {seconds} s", seconds=self._parts.config.leave_seconds)
            await deferLater(self._reactor, self._parts.config.leave_seconds)
        await self._listeners.stopService()
        await self._parts.writes.writer.drain(PATIENCE)
        if self._boot is not None:
            self._boot.cancel()
        parting = (self._parts.steward.stop(), self._parts.presence.stop())
        await gatherResults([Deferred.fromCoroutine(each) for each in parting])
        self._parts.writes.ledger.stop()
        self._parts.watches.probe.stop()
        for feed in self._parts.feeds:
            feed.stop()
        await gatherResults([reflector.stop() for reflector in self._parts.watches.reflectors])
        self._parts.pool.stop()
        self._collector.stopService()


class InTurn(MultiService):
    """Services of which the last is stopped first, and each only once those after it have ended."""

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stopped())

    async def _stopped(self) -> None:
        for service in reversed(list(self)):
            ending = service.stopService()
            if ending is not None:
                await ending


def checkpoint(environ: Mapping[str, str]) -> Callable[[str], None] | None:
    """What kills the process at the named point of a write, as tests of crashes ask; None without such a wish.

    "before create secrets" is the first time, "before create secrets 2" the second. Every point is logged.
    """
    wanted = environ.get(CRASH_AT)
    if not wanted:
        return None
    met: Counter[str] = Counter()

    def reached(name: str) -> None:
        met[name] += 1
        point = name if met[name] == 1 else f"{name} {met[name]}"
        log.info("checkpoint: {point}", point=point)
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def logged(config: Config, parent: MultiService) -> Callable[[str], None]:
    """Where access lines go."""
    if config.access_log in ("", "-"):
        return LogEvents() if config.access_log else lambda text: None
    file = LogFile(config.access_log)
    file.setServiceParent(parent)
    return file


def listening(
    addresses: tuple[Address, ...], key: str, config: Config, site: Site, apis: tuple[Api, ...], reactor: Any
) -> list[Listener]:
    """Bound listeners of a site. Raises CannotListen, which names the key of the configuration."""
    found = []
    for address in addresses:
        factory: IProtocolFactory = site
        if address.tls:
            shown = certificate(config.tls_certificate, config.tls_key, "api.tls_certificate")
            factory = secured(site, shown, site.clock)
        socket = bound(address.host, address.port, key)
        found.append(Listener(reactor, socket, factory, lambda: drain(site, apis, PATIENCE)))
    return found


def steady(reactor: Any) -> None:
    """Let a reactor count by a clock that nobody sets.

    Twisted takes the wall clock (``ReactorBase.seconds``): one set back by an hour would hold up every timer by an
    hour, one set forward would ring them all at once. What means the time of day asks ``time.time`` itself.
    """
    reactor.seconds = time.monotonic


def monitor(parts: Parts, checks: Callable[[], Mapping[str, bool]], reactor: Any) -> Monitor:
    """Monitoring of the assembled daemon."""
    sources = Sources(
        version=version(),
        checks=checks,
        features=lambda: parts.watches.probe.features,
        watched=lambda: [reflector.health() for reflector in parts.watches.reflectors],
        is_steward=lambda: parts.steward.is_holder,
        presence=parts.presence,
        events=parts.writes.events,
        complaints=parts.watches.cache.complaints,
    )
    return Monitor(sources, reactor, time.time, time.perf_counter)


def version() -> str:
    """Dicot's own, as it was installed; "" in a bare checkout."""
    try:
        return metadata.version("dicot")
    except metadata.PackageNotFoundError:
        return ""


def makeService(options: Options) -> IService:
    """The daemon. Raises UsageError for what the configuration has wrong, a used port among it."""
    from twisted.internet import reactor

    steady(reactor)
    # Every connection to Kubernetes has a factory, and each would be told of twice.
    Factory.noisy = False
    listeners, whole = MultiService(), InTurn()
    try:
        config = read(options["config"])
        credentials = load(config.kubeconfig, config.context, reactor, allow_insecure=config.allow_insecure)
        parts = assembled(reactor, config, credentials, checkpoint(os.environ))
        running = Running(parts, listeners, reactor)
        watching = monitor(parts, running.checks, reactor)
        watching.setServiceParent(whole)
        log_access = AccessLog(reactor, logged(config, whole))
        everything = {**probes(running.checks), **watching.pages()}
        shown = everything if config.status_public else probes(running.checks)

        def access(record: Record) -> None:
            watching.traffic(record)
            log_access(record)

        limits = affordable(Limits())
        site = build_site(
            parts.apis, shown, config.public_url, reactor, access, limits=limits, proxies=config.proxies
        )
        monitoring = build_site(
            [], everything, config.public_url, reactor, log_access, limits=Limits(connections=MONITORING)
        )
        for listener in (
            *listening(config.listen, "api.listen", config, site, parts.apis, reactor),
            *listening(config.status_listen, "status.listen", config, monitoring, (), reactor),
        ):
            listener.setServiceParent(listeners)
    except (ConfigError, CannotListen, Unusable) as error:
        raise usage.UsageError(str(error)) from error
    running.setServiceParent(whole)
    return whole
