"""Starts a sandbox as a process of its own, in the place of the real programs, and ends it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.access import Access
from tests.cluster.cache import cache_folder
from tests.cluster.control import Control, Overdue
from tests.cluster.programs import Program
from tests.cluster.users import read_kubeconfig

ROOT = Path(__file__).parents[2]
NAME = "sandbox"
READY = 240.0
"""Seconds; a machine that does much else needs them, and one that ends says so at once."""
CLIENTS = ("kubectl", "virtctl")
DEFINITION_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class SandboxCluster:
    """One sandbox: its program, and how it is reached."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self._reactor = reactor
        self._folder = folder
        self._programs: dict[str, Program] = {}
        self.kubeconfig = folder / "state" / "kubeconfig"
        self.access: Access
        self.control: Control

    @classmethod
    async def start(
        cls, reactor: Any, folder: Path, definitions: Sequence[Path] = (), options: Sequence[str] = ("--listen", "0")
    ) -> SandboxCluster:
        """Start one in the folder, with the objects that it left there, and define what lies in ``definitions``."""
        cluster = cls(reactor, folder)
        try:
            await cluster._bring_up(definitions, options)
        except BaseException:
            await cluster.stop()
            raise
        return cluster

    @property
    def pid(self) -> int:
        """The sandbox's process while it runs."""
        found = self._programs[NAME].pid
        assert found is not None
        return found

    async def stop(self) -> None:
        """End every program at once."""
        for program in self._programs.values():
            await program.kill()

    async def kill_apiserver(self) -> None:
        """End the sandbox as kill -9 does."""
        await self._programs[NAME].kill()
        await self.control.close()

    async def start_apiserver(self) -> None:
        """Start it again on what it has kept, and wait until it answers. Only where ``options`` named its port it
        still has the same."""
        self.kubeconfig.unlink()
        self._programs[NAME].start()
        await self._reached(self._programs[NAME])
        await self.control.close()

    async def restart(self) -> None:
        """Both, one after the other."""
        await self.kill_apiserver()
        await self.start_apiserver()

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Program:
        """Start one more program, which ends with the cluster."""
        output = self._folder / f"{name}.log"
        self._programs[name] = Program(self._reactor, name, command, output, environment)
        self._programs[name].start()
        return self._programs[name]

    async def _bring_up(self, definitions: Sequence[Path], options: Sequence[str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # What an earlier one wrote leads nowhere.
        self.kubeconfig.unlink(missing_ok=True)
        twistd = [str(Path(sys.executable).parent / "twistd"), "--nodaemon", "--pidfile=", "dicot-sandbox"]
        command = [*twistd, *options, "--state", str(self.kubeconfig.parent)]
        program = self.run(NAME, command, {"PYTHONPATH": str(ROOT)})
        try:
            await self._reached(program)
        except Overdue as error:
            raise Overdue(f"{error}\n{program.tail()}") from error
        for folder in definitions:
            for path in sorted(folder.glob("*.yaml")):
                await self.control.apply(DEFINITION_PATH, yaml.safe_load(path.read_text()))
        await self.control.close()

    async def _reached(self, program: Program) -> None:
        async def written() -> bool:
            if program.failures:
                raise Overdue("it ended by itself")
            return self.kubeconfig.exists()

        # Only its server tells where it listens.
        waiting = Control(self._reactor, "")
        await waiting.until(READY, "the sandbox", written)
        login = read_kubeconfig(self.kubeconfig)
        admin = login.tokens[login.current]
        self.access = Access(
            server=login.server,
            kubeconfig=self.kubeconfig,
            authority=login.authority,
            tokens=login.tokens,
            admin=admin,
            programs=clients(),
        )
        self.control = Control(self._reactor, login.server, login.authority, admin)
        await self.control.until(READY, "the sandbox", lambda: self.control.answers("/readyz"))


def clients() -> dict[str, str]:
    """kubectl and virtctl, where they have been built."""
    found = [path for name in CLIENTS for path in cache_folder().glob(f"cluster/*/{name}")]
    return {path.name: str(path) for path in sorted(found, key=lambda path: path.stat().st_mtime)}
