"""The real ``openstack`` and ``kubectl`` commands, run against a daemon and its cluster."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.clients.forked import Forked
from tests.clients.venv import client
from tests.cluster.commands import Finished, run
from tests.cluster.control import SOON
from tests.cluster.installed import kubectl
from tests.live.daemon import Daemon

PATIENCE = 150.0
"""Seconds for one command; ``--wait`` looks every five."""
IMPORTED = ("console_scripts:openstack", "openstack.", "cliff.", "keystoneauth1.")
"""Entry points of what ``openstack`` imports."""


class Late(AssertionError):
    """What was awaited did not come."""


@cache
def forked(programs: Path) -> Forked:
    """The one of this process that forks ``openstack`` and programs with openstacksdk."""
    return Forked(programs / "openstack", IMPORTED)


class Openstack:
    """The command with a person's clouds.yaml: ``dicot`` is a member of project demo, ``dicot-admin`` everybody's.

    Each is a process of its own, but only where ``typed`` one whose interpreter has started for it.
    """

    def __init__(
        self, reactor: Any, daemon: Daemon, programs: Path, cloud: str = "dicot", *, typed: bool = False
    ) -> None:
        self._reactor = reactor
        self._daemon = daemon
        self._programs = programs
        self._cloud = cloud
        self._typed = typed

    def at(self, daemon: Daemon) -> Openstack:
        """The same person at another replica."""
        return Openstack(self._reactor, daemon, self._programs, self._cloud)

    def as_admin(self) -> Openstack:
        """The administrator at the same daemon."""
        return Openstack(self._reactor, self._daemon, self._programs, "dicot-admin")

    def typed(self) -> Openstack:
        """The same person with the command as a shell starts it."""
        return Openstack(self._reactor, self._daemon, self._programs, self._cloud, typed=True)

    async def run(self, *words: str) -> Finished:
        """One command, however it ends."""
        return await self._started(self._programs / "openstack", *words)

    async def text(self, *words: str) -> str:
        """What a command printed. Raises Failed for any exit code but 0."""
        return (await self.run(*words)).checked()

    async def json(self, *words: str) -> Any:
        """What a command shows or lists, as values."""
        return json.loads(await self.text(*words, "-f", "json"))

    async def value(self, *words: str) -> str:
        """One column of what a command shows."""
        *command, column = words
        return (await self.text(*command, "-f", "value", "-c", column)).strip()

    async def refusal(self, *words: str) -> str:
        """What a command that must fail says to its user."""
        finished = await self.run(*words)
        if finished.code != 1:
            raise AssertionError(f"it did not fail: {finished}")
        return finished.errors

    async def until_status(self, server: str, status: str) -> None:
        """Wait until ``server show`` says so, as a person would."""

        async def reached() -> bool:
            return await self.value("server", "show", server, "status") == status

        await until(self._reactor, f"{server} to be {status}", reached)

    async def program(self, path: Path, *words: str) -> Any:
        """A program with openstacksdk, which prints JSON."""
        return json.loads((await self._started(path, *words)).checked())

    async def _started(self, path: Path, *words: str) -> Finished:
        command, environment = [str(path), *words], self._daemon.client(self._cloud)
        if self._typed:
            return await run(self._reactor, command, environment, seconds=PATIENCE)
        return await forked(self._programs).run(self._reactor, command, environment, seconds=PATIENCE)


async def openstack(reactor: Any, daemon: Daemon) -> Openstack:
    """The command, installed where it is not yet."""
    return Openstack(reactor, daemon, await deferToThread(client, "openstack"))


class Kubectl:
    """The command as the cluster's administrator."""

    def __init__(self, reactor: Any, daemon: Daemon) -> None:
        self._reactor = reactor
        self._command = kubectl(daemon.ground.access)

    async def text(self, *words: str, text: str = "") -> str:
        """What it printed; ``text`` is its input. Raises Failed for any exit code but 0."""
        return (await run(self._reactor, [*self._command, *words], text=text)).checked()

    async def objects(self, kinds: str, *words: str) -> list[Any]:
        """Objects of these kinds."""
        found: list[Any] = json.loads(await self.text("get", kinds, "-o", "json", *words))["items"]
        return found

    async def apply(self, *documents: Any) -> None:
        """As ``kubectl apply -f`` does."""
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        await self.text("apply", "-f", "-", text=content)

    async def delete(self, *words: str) -> None:
        """Remove what may be gone already, without waiting."""
        await self.text("delete", "--ignore-not-found", "--wait=false", *words)


async def until(reactor: Any, what: str, seen: Callable[[], Awaitable[bool]], seconds: float = SOON) -> None:
    """Look again and again. Raises Late when it does not come in that time."""
    deadline = reactor.seconds() + seconds
    while not await seen():
        if reactor.seconds() > deadline:
            raise Late(f"waited {seconds:.0f} s for {what}")
        await deferLater(reactor, 0.2)
