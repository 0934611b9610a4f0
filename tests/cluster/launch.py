"""Starts the real control planes of Kubernetes, KubeVirt, CDI and snapshots on loopback, and ends them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThreadPool

from tests.cluster import build, flags, layout, users
from tests.cluster.access import Access, Node
from tests.cluster.control import Control, Overdue, Seen, together
from tests.cluster.expense import Steps, memory, told
from tests.cluster.flags import Files, Ports
from tests.cluster.installation import Installation
from tests.cluster.ports import free_ports
from tests.cluster.programs import Program

CONTROLPLANE = "controlplane"
VIRT_API = "virt-api"
VIRT_CONTROLLER = "virt-controller"
CDI_API = "cdi-apiserver"
CDI_CONTROLLER = "cdi-controller"
CDI_UPLOADPROXY = "cdi-uploadproxy"
SNAPSHOT_CONTROLLER = "snapshot-controller"
PROGRAMS = (
    CONTROLPLANE,
    VIRT_API,
    VIRT_CONTROLLER,
    CDI_API,
    CDI_CONTROLLER,
    CDI_UPLOADPROXY,
    SNAPSHOT_CONTROLLER,
)
READY = 120.0
"""Seconds that each step of a start may take; on a free machine all of them together take a tenth of it."""
COLLECTOR = {"GOGC": "400", "GOMEMLIMIT": "1600MiB"}
"""Go's garbage collector as all programs have it: it spends memory for time, up to a limit. A start takes a quarter
less of the processors than by Go's own settings."""
FAILURES = 3
"""How often a program may end by itself before a start is given up."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What may be different from one cluster to the next.

    ``durable``: etcd writes to disk before it answers. ``audit``: file of the audit log. ``feature_gates``: of
    KubeVirt. ``definitions``: files with more CustomResourceDefinitions, or folders of such files.
    """

    durable: bool = False
    audit: Path | None = None
    feature_gates: Sequence[str] = ()
    definitions: Sequence[Path] = ()


class RealCluster:
    """One cluster: its programs, and how it is reached."""

    def __init__(self, reactor: Any, folders: Mapping[str, Path], folder: Path, wishes: Wishes) -> None:
        self.ports = free_ports()
        self.server = f"https://127.0.0.1:{self.ports.apiserver}"
        self.tokens = users.new_tokens()
        self.files = layout.make_files(folder.resolve(), self.server, self.tokens)
        self.kubeconfig = self.files.kubeconfigs[users.ADMIN]
        self.access = _access(self.server, self.tokens, self.ports, self.files, folders)
        self.control = Control(reactor, self.server, self.access.authority, self.tokens[users.ADMIN])
        listening = {
            VIRT_API: self.ports.virt_api,
            CDI_API: self.ports.cdi_api,
            CDI_UPLOADPROXY: self.ports.upload_proxy,
        }
        self._backends = {
            name: Control(reactor, f"https://127.0.0.1:{port}", self.access.authority)
            for name, port in listening.items()
        }
        self.steps = Steps(reactor)
        self._reactor = reactor
        self._folders = folders
        self._wishes = wishes
        self._programs = self._make_programs()

    @classmethod
    async def start(cls, reactor: Any, folder: Path, wishes: Wishes = Wishes()) -> RealCluster:
        """Build what is missing and bring up a new cluster in the folder, which must not hold one yet."""
        folders = await deferToThreadPool(reactor, reactor.getThreadPool(), build.ensure_all)
        cluster = cls(reactor, folders, folder, wishes)
        try:
            await cluster._bring_up()
        except BaseException:
            await cluster.stop()
            raise
        return cluster

    async def stop(self) -> None:
        """End every program, at once; nothing of the cluster runs afterwards."""
        await gatherResults([program.kill() for program in self._programs.values()])
        await self._hang_up()

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Program:
        """Start one more program, which ends with the cluster."""
        output = self.files.folder / "logs" / f"{name}.log"
        self._programs[name] = Program(self._reactor, name, command, output, {**COLLECTOR, **environment})
        self._programs[name].start()
        return self._programs[name]

    async def end(self, name: str) -> None:
        """End a program, if it runs."""
        program = self._programs.pop(name, None)
        if program is not None:
            await program.kill()

    async def kill_apiserver(self) -> None:
        """End etcd, kube-apiserver and kube-controller-manager as kill -9 does."""
        await self._programs[CONTROLPLANE].kill()

    async def start_apiserver(self) -> None:
        """Start them again, on the same port and data, and wait until they answer."""
        self._programs[CONTROLPLANE].start()
        await self.control.until(READY, "kube-apiserver to come back", lambda: self.control.answers("/readyz"))
        await self.control.close()

    async def restart_apiserver(self) -> None:
        await self.kill_apiserver()
        await self.start_apiserver()

    async def compact(self) -> int:
        """Compact etcd up to now, so that older versions are gone; returns the revision."""
        etcd = Control(self._reactor, str(self.access.etcd))
        seen = await etcd.change("POST", "/v3/kv/range", {"key": "AA=="})
        revision = int(seen["header"]["revision"])
        await etcd.change("POST", "/v3/kv/compaction", {"revision": str(revision), "physical": True})
        await etcd.close()
        return revision

    def pids(self) -> dict[str, int]:
        """Process ids of the programs that run, by name."""
        return {name: pid for name, program in self._programs.items() if (pid := program.pid) is not None}

    def told(self) -> str:
        """What the start has taken, and what it takes now, in one line."""
        return told(self.steps.seconds, memory(self.pids()))

    async def _bring_up(self) -> None:
        installation = Installation(self.control, self._backends, self.files, self.ports, self._folders)
        self.steps.begin()
        self._programs[CONTROLPLANE].start()
        await self._until("kube-apiserver", lambda: self.control.answers("/readyz"))
        self.steps.done("kube-apiserver")
        await installation.define(self._wishes.definitions)
        self.steps.done("definitions")
        self.files.gate.touch()
        await installation.settle(self._wishes.feature_gates)
        for name, program in self._programs.items():
            if name != CONTROLPLANE:
                program.start()
        await self._all(installation.backends())
        self.steps.done("programs")
        await installation.register()
        await self._all(installation.proofs())
        self.steps.done("admission and controllers")
        await self._hang_up()
        self.access.write(self.files.folder)

    async def _hang_up(self) -> None:
        """Close every connection, so that nothing of ours waits in the reactor while the cluster runs."""
        for control in (self.control, *self._backends.values()):
            await control.close()

    async def _all(self, awaited: Mapping[str, Seen]) -> None:
        await together([self._until(what, seen) for what, seen in awaited.items()])

    async def _until(self, what: str, seen: Seen) -> None:
        def look() -> Awaitable[bool]:
            if any(program.failures >= FAILURES for program in self._programs.values()):
                raise Overdue("a program ends again and again")
            return seen()

        try:
            await self.control.until(READY, what, look)
        except Overdue as error:
            broken = [program for program in self._programs.values() if program.failures]
            tails = "".join(f"\n--- {program.name}\n{program.tail()}" for program in broken)
            raise Overdue(f"{error}{tails}") from error

    def _make_programs(self) -> dict[str, Program]:
        logs = self.files.folder / "logs"
        return {
            name: Program(self._reactor, name, command, logs / f"{name}.log", COLLECTOR)
            for name, command in self._commands().items()
        }

    def _commands(self) -> dict[str, list[str]]:
        ports, files, logins, wishes = self.ports, self.files, self.files.kubeconfigs, self._wishes
        paths = {name: build.find(self._folders, name) for name in PROGRAMS}
        return {
            CONTROLPLANE: flags.controlplane(
                paths[CONTROLPLANE],
                ports,
                files,
                logins[users.CONTROLLER_MANAGER],
                durable=wishes.durable,
                audit=wishes.audit,
            ),
            VIRT_API: flags.virt_api(paths[VIRT_API], ports, files, logins[users.VIRT_API]),
            VIRT_CONTROLLER: flags.virt_controller(
                paths[VIRT_CONTROLLER], ports, files, logins[users.VIRT_CONTROLLER]
            ),
            CDI_API: flags.cdi_apiserver(paths[CDI_API], ports, files, logins[users.CDI_API]),
            CDI_CONTROLLER: flags.cdi_controller(paths[CDI_CONTROLLER], files, logins[users.CDI_CONTROLLER]),
            CDI_UPLOADPROXY: flags.cdi_uploadproxy(
                paths[CDI_UPLOADPROXY], ports, files, logins[users.CDI_UPLOADPROXY]
            ),
            SNAPSHOT_CONTROLLER: flags.snapshot_controller(
                paths[SNAPSHOT_CONTROLLER], logins[users.SNAPSHOT_CONTROLLER]
            ),
        }


def _access(
    server: str, tokens: Mapping[str, str], ports: Ports, files: Files, folders: Mapping[str, Path]
) -> Access:
    handler = files.handler_server
    return Access(
        server=server,
        kubeconfig=files.kubeconfigs[users.ADMIN],
        authority=files.authority.read_bytes(),
        tokens=tokens,
        admin=tokens[users.ADMIN],
        programs={name: str(build.find(folders, name)) for name in ("kubectl", "virtctl")},
        node=Node(ports.handler, str(handler.certificate), str(handler.key), str(files.authority), ports.dns),
        etcd=f"http://127.0.0.1:{ports.etcd}",
    )
