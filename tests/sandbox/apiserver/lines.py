"""Requests to an API server in memory: what is sent, and whether the connection is still there."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import Site

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.front import Front
from dicot.sandbox.apiserver.journal import Nowhere
from dicot.sandbox.apiserver.rights.rbac import MASTERS
from dicot.sandbox.apiserver.rights.tokens import new_key
from dicot.sandbox.apiserver.storage import Storage
from dicot.sandbox.assembly import Secrets, assembled
from dicot.sandbox.cdi.keys import Keys
from dicot.sandbox.kubevirt.plug import Programs
from tests.kube.fake import FakeKube

ADMIN, NOBODY = "admin-token", "nobody-token"
MAPS = "/api/v1/namespaces/default/configmaps"
_SERVED: list[Served] = []


class Line:
    """A connection with one request."""

    def __init__(self, site: Site, data: bytes) -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 1))
        self._protocol: Any = site.buildProtocol(self.transport.getPeer())
        self._protocol.makeConnection(self.transport)
        self._protocol.dataReceived(data)

    @property
    def closed(self) -> bool:
        """Whether the server has closed it."""
        return self.transport.disconnecting

    @property
    def code(self) -> int:
        """The status, 0 where there is none."""
        return int(self.transport.value().split(b" ", 2)[1]) if self.transport.value() else 0

    @property
    def head(self) -> str:
        """The headers in lower case."""
        return self._parts[0].decode().lower()

    @property
    def body(self) -> bytes:
        """What was sent of the body, chunks together."""
        found = self._parts[1]
        if "transfer-encoding: chunked" not in self.head:
            return found
        body = b""
        while found:
            size, _, rest = found.partition(b"\r\n")
            body, found = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return body

    @property
    def _parts(self) -> tuple[bytes, bytes]:
        head, _, body = bytes(self.transport.value()).partition(b"\r\n\r\n")
        return head, body

    @property
    def document(self) -> Manifest:
        decoded: Manifest = json.loads(self.body)
        return decoded

    @property
    def names(self) -> list[str]:
        """What the lines of a watch are about."""
        return [json.loads(line)["object"]["metadata"]["name"] for line in self.body.splitlines()]

    def leave(self) -> None:
        """The client is gone."""
        self._protocol.connectionLost(Failure(ConnectionDone()))


class Served:
    """An API server without a socket. ``clock`` stands still unless it is moved."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        tokens = {ADMIN: User("admin", (MASTERS,)), NOBODY: User("nobody", ("system:authenticated",))}
        programs = Programs(FakeKube(self.clock), FakeKube(self.clock))
        self.parts = assembled(
            Storage(Nowhere()), Secrets(tokens, new_key(), "", Keys.make(), "", ""), programs, self.clock
        )
        self._lines: list[Line] = []
        self._site = Site(Front(self.parts.backend, self.parts.faults, self.parts.clock), reactor=self.clock)

    def ask(self, method: str, path: str, body: object = None, token: str = ADMIN, **headers: str) -> Line:
        """One request."""
        content = b"" if body is None else json.dumps(body).encode()
        head = {"Host": "h", "Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        lines += [f"Content-Length: {len(content)}", "", ""]
        line = Line(self._site, "\r\n".join(lines).encode() + content)
        self._lines.append(line)
        return line

    def set(self, effect: Manifest, **rule: object) -> str:
        """A switch in force; its id."""
        answer = self.ask("POST", "/sandbox/faults", {"effect": effect, **rule})
        assert answer.code == 201, answer.body
        return str(answer.document["id"])

    def make(self, name: str, **more: str) -> Line:
        """A create."""
        return self.ask("POST", MAPS, {"metadata": {"name": name}}, **more)

    def clear(self) -> None:
        """As it was at first."""
        while self._lines:
            self._lines.pop().leave()
        self.ask("DELETE", "/sandbox/faults")
        self.ask("PUT", "/sandbox/clock", {"offset": 0})
        self.ask("DELETE", MAPS)

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self.parts.objects.get("", "configmaps", "default", name) is not None


def served() -> Served:
    """One for all, since it takes a while to make; it is cleared before."""
    if not _SERVED:
        _SERVED.append(Served())
    _SERVED[0].clear()
    return _SERVED[0]
