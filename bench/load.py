"""The load generator: ``python -m bench.load`` reads a task as JSON, keeps some connections busy, prints what it saw.

Each connection has one request under way and sends the next one as soon as the answer is whole (a closed loop, no
pipelining). Nothing of an answer is kept but its head. A latency runs from before the send to the last byte.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .figures import quantile
from .processes import cpu_seconds

BUFFER = 1 << 20
"""Bytes that are taken out of a socket at once; a body goes by in few system calls."""
HEAD = 65_536
"""No head is longer."""
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_EMPTY = (204, 304)


@dataclass(frozen=True, slots=True)
class Task:
    """What to do. ``requests`` are sent in turn, over and over for ``seconds``, or each once where that is 0.

    ``pids`` are the server's processes, whose processor time is taken. ``pause`` is what a client rests before each
    request, where there is one connection. ``way`` is by how much this program gives way to another generator on its
    processor.
    """

    port: int
    requests: Sequence[str]
    connections: int = 1
    seconds: float = 0.0
    warmup: float = 0.0
    pids: Sequence[int] = ()
    pause: float = 0.0
    way: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it. Latencies are in seconds; ``busy`` is the share of the time in which this program itself
    worked: near 1 it is the generator that was measured. ``cpu`` is the server's, in seconds."""

    requests: int
    seconds: float
    bytes: int
    p50: float
    p99: float
    worst: float
    busy: float
    cpu: float
    codes: Mapping[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cost(self) -> float:
        """Seconds of the server's processor for one request."""
        return self.cpu / self.requests

    @property
    def errors(self) -> int:
        """Answers other than 2xx, and connections that broke."""
        return sum(count for code, count in self.codes.items() if not code.startswith("2"))


class Broken(Exception):
    """The server closed a connection, or said what this program does not understand."""


class Incoming:
    """An answer that comes in pieces. ``left`` is what its body still lacks, None while its head is not whole."""

    __slots__ = ("code", "head", "left")

    def __init__(self) -> None:
        self.head = b""
        self.left: int | None = None
        self.code = 0

    def take(self, view: memoryview, count: int) -> bool:
        """So many more bytes, at the start of the buffer; True once the answer is whole. Raises Broken."""
        if self.left is None:
            self._begin(bytes(view[: min(count, HEAD)]), count)
        else:
            self.left -= count
        if self.left is not None and self.left < 0:
            raise Broken("an answer is longer than its Content-Length")
        return self.left == 0

    def _begin(self, data: bytes, count: int) -> None:
        held = len(self.head)
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.head[:end]
        self.code = int(head[9:12])
        found = _LENGTH.search(head)
        if found is None and self.code not in _EMPTY:
            raise Broken(f"an answer without Content-Length: {head[:200]!r}")
        self.left = (int(found[1]) if found else 0) - (held + count - end - 4)


class Connection:
    """One connection with one request under way."""

    __slots__ = ("answer", "began", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.answer = Incoming()
        self.began = 0.0

    def send(self, request: bytes) -> None:
        self.answer = Incoming()
        self.began = time.perf_counter()
        if self.socket.send(request) != len(request):
            raise Broken("a request is longer than what a socket takes at once")

    def receive(self, buffer: bytearray) -> int:
        """Bytes that there are now, at the start of the buffer. Raises Broken."""
        count = self.socket.recv_into(buffer)
        if not count:
            raise Broken("the server closed a connection")
        return count


class Load:
    """Connections kept busy with requests."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._requests: Iterator[bytes] = iter(())
        self._connections = [Connection(task.port) for _ in range(task.connections)]
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._epoll = select.epoll()
        self._open = {each.socket.fileno(): each for each in self._connections}
        for number in self._open:
            self._epoll.register(number, select.EPOLLIN)

    def run(self) -> Seen:
        """Warm up, then measure."""
        if self._task.warmup:
            self._measure(self._task.warmup)
        return self._measure(self._task.seconds)

    def _measure(self, seconds: float) -> Seen:
        requests = [each.encode("latin-1") for each in self._task.requests]
        self._requests = _endless(requests) if seconds else iter(requests)
        latencies: list[float] = []
        codes: Counter[str] = Counter()
        volume = 0
        server, own = cpu_seconds(self._task.pids), time.process_time()
        began = time.perf_counter()
        end = began + seconds if seconds else float("inf")
        waiting = sum(self._next(each) for each in self._connections)
        while waiting:
            for number, _ in self._epoll.poll():
                connection = self._open[number]
                count = connection.receive(self._buffer)
                volume += count
                if not connection.answer.take(self._view, count):
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.began)
                codes[str(connection.answer.code)] += 1
                if now >= end or not self._next(connection):
                    waiting -= 1
        took = time.perf_counter() - began
        latencies.sort()
        return Seen(
            requests=len(latencies),
            seconds=took,
            bytes=volume,
            p50=quantile(latencies, 0.5),
            p99=quantile(latencies, 0.99),
            worst=latencies[-1],
            busy=(time.process_time() - own) / took,
            cpu=cpu_seconds(self._task.pids) - server,
            codes=dict(codes),
        )

    def _next(self, connection: Connection) -> bool:
        """Send one more; False where there is none."""
        request = next(self._requests, None)
        if request is None:
            return False
        if self._task.pause:
            # Also a sleep of no length lets others run.
            time.sleep(self._task.pause)
        connection.send(request)
        return True


def _endless(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests


def request(method: str, path: str, headers: Mapping[str, str], body: object = None) -> str:
    """The text of a request on a connection that stays open."""
    content = "" if body is None else json.dumps(body)
    given = {"Host": "127.0.0.1", "Accept": "application/json", **headers}
    if body is not None:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", content]
    return "\r\n".join(lines)


def decoded(text: str) -> Seen:
    """What a generator printed."""
    found: dict[str, Any] = json.loads(text)
    return Seen(**found)


def main() -> None:
    task = Task(**json.load(sys.stdin))
    gc.disable()
    os.nice(task.way)
    print(json.dumps(asdict(Load(task).run())))


if __name__ == "__main__":
    main()
