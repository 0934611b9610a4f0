"""``python -m bench.visible``: how long after a rename in the sandbox a server shows its new name.

It reads a task of the load generator with one request, to one server, asks again and again on one connection, and
compares the clock with the moment that each new name tells. The next answer after the change comes a request later at
most, which the latencies contain.
"""

from __future__ import annotations

import gc
import json
import re
import socket
import sys
import time

from dicot.sandbox.settled.renaming import MOMENT

from .figures import quantile
from .load import HEAD, Incoming, Task

_NAME = re.compile(rb'"name": ?"[^"]*' + MOMENT.encode() + rb'([0-9.]+)"')


def moments(task: Task) -> list[float]:
    """Seconds from each change to the end of the first answer that shows it."""
    request = task.requests[0].encode("latin-1")
    found: list[float] = []
    last = b""
    with socket.create_connection(("127.0.0.1", task.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + task.seconds
        while time.monotonic() < end:
            body = asked(connection, request)
            now = time.time()
            named = _NAME.search(body)
            if named is None:
                raise SystemExit(f"no server that is renamed: {body[:200]!r}")
            if last and named[1] != last:
                found.append(now - float(named[1]))
            last = named[1]
    return found


def asked(connection: socket.socket, request: bytes) -> bytes:
    """One whole answer."""
    connection.sendall(request)
    answer, whole, data = Incoming(), False, b""
    while not whole:
        piece = connection.recv(HEAD)
        if not piece:
            raise SystemExit("the server closed the connection")
        data += piece
        whole = answer.take(memoryview(piece), len(piece))
    return data


def main() -> None:
    task = Task(**json.load(sys.stdin))
    gc.disable()
    found = sorted(moments(task))
    print(json.dumps({"count": len(found), "p50": quantile(found, 0.5), "p99": quantile(found, 0.99)}))


if __name__ == "__main__":
    main()
