"""haproxy in front of replicas, as an operator would have it: whoever is not ready is sent nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.control import Control, Overdue
from tests.cluster.ports import free_port
from tests.cluster.programs import Program

PACKAGE = "haproxy"
READY = 60.0
_SETTINGS = """\
global
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 90s
    timeout server 90s
    timeout check 30s
    retries 5
    option redispatch 1
    option http-server-close
frontend api
    bind 127.0.0.1:{port}
    default_backend replicas
frontend statistics
    bind 127.0.0.1:{statistics}
    stats enable
    stats uri /
backend replicas
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host dicot
    http-check expect status 200
{servers}
"""


class Balancer:
    """One haproxy. ``url`` is where clients ask."""

    def __init__(self, reactor: Any, folder: Path, replicas: Mapping[str, str], path: str) -> None:
        """``replicas`` are URLs by name, ``path`` is the program's."""
        port, statistics = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._names = frozenset(replicas)
        self._statistics = Control(reactor, f"http://127.0.0.1:{statistics}")
        servers = "\n".join(
            f"    server {name} {urlsplit(url).netloc} check inter 200ms fall 1 rise 1"
            for name, url in replicas.items()
        )
        settings = folder / "haproxy.cfg"
        settings.write_text(_SETTINGS.format(port=port, statistics=statistics, servers=servers))
        self._program = Program(reactor, PACKAGE, [path, "-db", "-f", str(settings)], folder / "haproxy.log", {})

    async def start(self) -> None:
        """Until it knows all replicas to be ready."""
        self._program.start()
        await self.until_up()

    async def until_up(self) -> None:
        """Wait until it sends requests to all of them."""

        async def seen() -> bool:
            return await self.up() == self._names

        try:
            await self._statistics.until(READY, "all replicas to be up", seen)
        except Overdue as error:
            raise Overdue(f"{error}\n{self._program.tail()}") from error

    async def up(self) -> frozenset[str]:
        """Those it sends requests to."""
        answer = await self._statistics.ask("GET", "/;csv")
        rows = [line.split(",") for line in answer.content.decode().splitlines()]
        columns = rows[0]
        name, status = columns.index("svname"), columns.index("status")
        return frozenset(
            row[name] for row in rows[1:] if row[0] == "replicas" and row[name] in self._names and row[status] == "UP"
        )

    async def stop(self) -> None:
        """Ends it."""
        await self._statistics.close()
        await self._program.kill()
