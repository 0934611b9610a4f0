"""Rule 23 on a true half-open connection: a server in a network namespace of its own, whose answers vanish."""

import os
import shutil
import subprocess
import sys
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SkipTest, TestCase

from dicot.kube.agent import watch_agent
from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.kube.trust import Pem, Tls
from tests.length import IS_LONG

from .certificates import authority, signed
from .things import THINGS, added, bookmark

PORT = 8443
SOON = 15.0
SCRIPT = """
import socket, ssl, sys, time
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
secure.load_cert_chain(sys.argv[3])
body = bytes.fromhex(sys.argv[4])
print("listening", flush=True)
peer = secure.wrap_socket(listening.accept()[0], server_side=True)
peer.recv(65536)
peer.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n%x\\r\\n%b\\r\\n" % (len(body), body))
time.sleep(120)
"""


class Account:
    """Nobody in particular."""

    def __init__(self, server: str) -> None:
        self.server = server

    async def authorize(self, stale: bool = False) -> dict[str, str]:
        return {}


class HalfOpenTests(TestCase):
    """Needs root, ``ip``, and 15 seconds."""

    timeout = 60

    def setUp(self) -> None:
        if not IS_LONG:
            raise SkipTest("DICOT_LONG is not set")
        if os.geteuid() or not shutil.which("ip"):
            raise SkipTest("network namespaces need root and ip")
        name = f"dk{uuid4().hex[:8]}"
        self.inside = ("ip", "netns", "exec", name)
        self.run_("ip", "netns", "add", name)
        self.addCleanup(self.run_, "ip", "netns", "del", name)
        self.run_("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        self.addCleanup(self.run_, "ip", "link", "del", f"{name}a")
        third = int(name[2:4], 16)
        self.ours, self.theirs = f"10.231.{third}.1", f"10.231.{third}.2"
        self.run_("ip", "addr", "add", f"{self.ours}/24", "dev", f"{name}a")
        self.run_("ip", "link", "set", f"{name}a", "up")
        self.run_(*self.inside, "ip", "addr", "add", f"{self.theirs}/24", "dev", f"{name}b")
        self.link = f"{name}b"
        self.run_(*self.inside, "ip", "link", "set", self.link, "up")

    def run_(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def serve(self) -> Tls:
        """The server, which answers one watch. What the client trusts."""
        ca = authority("ca")
        server = signed("server", ca, ip=self.theirs)
        pem = FilePath(self.mktemp())
        pem.setContent(server.key + server.certificate)
        body = added("a", 1) + b"\n" + bookmark(10, end=True) + b"\n"
        command = (*self.inside, sys.executable, "-c", SCRIPT, self.theirs, str(PORT), pem.path, body.hex())
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"listening\n")
        return Tls(Pem(ca.certificate))

    async def test_rule_23_is_found_within_15_seconds(self) -> None:
        await self.found_after(*self.inside, "ip", "route", "add", "blackhole", f"{self.ours}/32")

    async def test_a_link_that_is_down_is_found_within_15_seconds(self) -> None:
        await self.found_after(*self.inside, "ip", "link", "set", self.link, "down")

    async def found_after(self, *command: str) -> None:
        """That the server is not there any more, from the moment of a command on."""
        agent = watch_agent(reactor, self.serve())
        store = Store(THINGS)
        origin = Origin(agent, Account(f"https://{self.theirs}:{PORT}"), DeferredSemaphore(2))
        reflector = Reflector(store, origin, reactor, lambda: 0.0)
        reflector.start()
        self.addCleanup(reflector.stop)
        await store.synced()
        self.run_(*command)
        began = reactor.seconds()
        while not store.tally.cuts:
            self.assertLess(reactor.seconds() - began, SOON)
            await deferLater(reactor, 0.05)
        self.assertIn("the connection broke", reflector.health().problem)
