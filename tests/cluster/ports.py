"""Ports for programs that are yet to start: no two get the same, also not from runs side by side."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import fields
from functools import cache
from itertools import cycle

from tests.cluster.flags import Ports

ALL = range(20000, 32000)
"""Below the ports that outgoing connections take, so that a program that ends finds its port free again."""
BLOCK = 500
"""Ports of one process. Many more than are given out and not listened on yet, at any time."""


class Block:
    """Ports that no other process of the machine gives out while this one lives, in turn, so that one comes again
    as late as possible. It is claimed by an abstract socket whose name begins so: those are shared by whoever shares
    the ports, users and folders notwithstanding (unix(7))."""

    def __init__(self, name: str) -> None:
        self._claim, ports = _claimed(name)
        self._turn = cycle(ports)
        self._count = len(ports)

    def close(self) -> None:
        """Leave the ports to others."""
        self._claim.close()

    def take(self) -> int:
        """The next on which nobody listens."""
        for _ in range(self._count):
            port = next(self._turn)
            if _is_free(port):
                return port
        raise RuntimeError("there is no free port on loopback")


def _claimed(name: str) -> tuple[socket.socket, range]:
    for start in range(ALL.start, ALL.stop, BLOCK):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0{name}-{start}")
        except OSError:
            claim.close()
        else:
            return claim, range(start, start + BLOCK)
    raise RuntimeError("every block of ports is another process's")


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@cache
def _own() -> Block:
    """This process's, claimed when it is first asked for."""
    return Block("dicot-ports")


def free_port() -> int:
    """A port on which nobody listens now."""
    return _own().take()


def free_ports() -> Ports:
    """One for each program of a cluster."""
    return Ports(*(free_port() for _ in fields(Ports)))
