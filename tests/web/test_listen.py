import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from dicot.web.listen import CannotListen, Certificate, Listener, bound, certificate, secured

from .wire import BASE, Bench, echoed


class BoundTests(SynchronousTestCase):
    def test_a_used_port_names_the_key(self) -> None:
        first = bound("127.0.0.1", 0, "[api] listen")
        self.addCleanup(first.close)
        port = first.getsockname()[1]
        with self.assertRaises(CannotListen) as caught:
            bound("127.0.0.1", port, "[api] listen")
        reason = f"cannot listen on 127.0.0.1:{port}: Address already in use"
        self.assertEqual(str(caught.exception), f"[api] listen: {reason}")

    def test_an_address_of_another_machine_names_the_key(self) -> None:
        with self.assertRaises(CannotListen) as caught:
            bound("192.0.2.1", 1, "[status] listen")
        self.assertIn("[status] listen", str(caught.exception))

    def test_a_bound_port_takes_connections_before_it_is_served(self) -> None:
        listening = bound("127.0.0.1", 0, "k")
        self.addCleanup(listening.close)
        with socket.create_connection(listening.getsockname(), timeout=5):
            pass


class Port:
    """What the reactor gives back for an adopted socket."""

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    def stopListening(self) -> Deferred[None]:
        return self.stopped


class Adopter:
    """A reactor's part in listening."""

    def __init__(self) -> None:
        self.adopted: list[tuple[int, object]] = []
        self.port = Port()

    def adoptStreamPort(self, fd: int, family: int, factory: object) -> Port:
        self.adopted.append((family, factory))
        return self.port


class ListenerTests(SynchronousTestCase):
    def test_served_while_it_runs_and_drained_after(self) -> None:
        adopter, factory, drained = Adopter(), Factory(), Deferred[None]()
        listening = bound("127.0.0.1", 0, "k")
        listener = Listener(adopter, listening, factory, lambda: drained)  # type: ignore[arg-type]
        self.assertEqual(adopter.adopted, [])
        listener.startService()
        self.assertEqual(adopter.adopted, [(socket.AF_INET, factory)])
        self.assertEqual(listening.fileno(), -1)
        stopped = listener.stopService()
        self.assertNoResult(stopped)
        adopter.port.stopped.callback(None)
        self.assertNoResult(stopped)
        drained.callback(None)
        self.successResultOf(stopped)

    def test_stopped_before_it_was_started(self) -> None:
        listening = bound("127.0.0.1", 0, "k")
        self.addCleanup(listening.close)
        listener = Listener(Adopter(), listening, Factory(), lambda: succeed(None))  # type: ignore[arg-type]
        self.successResultOf(listener.stopService())


class TcpTransport(StringTransport):
    """TLS passes on what a TCP transport is asked for."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled


class TlsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chain, self.key = self.mktemp(), self.mktemp()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloud.example")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        Path(self.chain).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        Path(self.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def test_files_that_cannot_be_used_name_the_key(self) -> None:
        garbage = self.mktemp()
        Path(garbage).write_text("no certificate")
        absent = self.mktemp()
        pairs = (absent, self.key), (self.chain, absent), (garbage, self.key), (self.chain, garbage)
        for chain, key in pairs:
            with self.assertRaises(CannotListen) as caught:
                certificate(chain, key, "[api] tls_certificate")
            self.assertIn("[api] tls_certificate", str(caught.exception))

    def shaken(self, highest: int) -> bytes:
        """Sends a request over TLS up to a version, in memory; what came back decrypted."""
        bench = Bench()
        bench.api.get("/things", None)(echoed)
        certified: Certificate = certificate(self.chain, self.key, "k")
        server = secured(bench.site, certified, bench.clock).buildProtocol(None)  # type: ignore[arg-type]
        assert server is not None
        transport = TcpTransport()
        server.makeConnection(transport)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(highest)
        client = SSL.Connection(context, None)
        client.set_connect_state()
        answer = b""
        for turn in range(6):
            try:
                client.do_handshake()
                if turn == 4:
                    client.send(f"GET {BASE}/things HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                answer += client.recv(65_536)
            except SSL.WantReadError:
                pass
            try:
                server.dataReceived(client.bio_read(65_536))
            except SSL.WantReadError:
                pass
            bench.clock.advance(0)
            if transport.value():
                client.bio_write(transport.value())
                transport.clear()
        return answer

    def test_tls_1_2_and_1_3_are_spoken(self) -> None:
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            self.assertTrue(self.shaken(version).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_tls_1_1_is_not(self) -> None:
        with self.assertRaises(SSL.Error):
            self.shaken(SSL.TLS1_1_VERSION)
