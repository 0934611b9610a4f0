"""Whom a connection trusts: real handshakes, in memory."""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.trust import Pem, Tls

from .certificates import Issued, authority, signed

CA = authority("ca")
OTHER = authority("other")
SERVER = signed("server", CA, dns="kubernetes", ip="127.0.0.1")


class Peer(Protocol):
    """Says hello, and remembers what it heard and how it ended."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Failure | None = None
        self.shown = ""

    def connectionMade(self) -> None:
        """See Protocol."""
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self.heard += data
        shown = self.transport.getPeerCertificate()  # type: ignore[union-attr]
        self.shown = shown.get_subject().CN if shown else ""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """See Protocol."""
        self.lost = reason


class Handshakes(SynchronousTestCase):
    """Connections to a server that has a certificate."""

    def meet(self, tls: Tls, server: Issued = SERVER, host: bytes = b"127.0.0.1") -> tuple[Peer, Peer]:
        """Client and server after a handshake."""
        client, other = Peer(), Peer()
        options = CertificateOptions(
            certificate=crypto.X509.from_cryptography(x509.load_pem_x509_certificate(server.certificate)),
            privateKey=crypto.PKey.from_cryptography_key(load_pem_private_key(server.key, None)),  # type: ignore[arg-type]
            trustRoot=trustRootFromCertificates([Certificate.loadPEM(CA.certificate)]),
        )
        # The server asks for a certificate and takes none, too.
        options.requireCertificate = False
        creator: Any = tls.creatorForNetloc(host, 6443)
        clock = Clock()
        near = TLSMemoryBIOFactory(creator, True, Factory.forProtocol(lambda: client), clock).buildProtocol(None)
        far = TLSMemoryBIOFactory(options, False, Factory.forProtocol(lambda: other), clock).buildProtocol(None)
        pump = iosim.connect(far, iosim.FakeTransport(far, True), near, iosim.FakeTransport(near, False))
        for _ in range(4):
            clock.advance(0)
            pump.flush()
        return client, other

    def assert_met(self, peers: tuple[Peer, Peer]) -> None:
        """They understood each other."""
        self.assertEqual([peer.heard for peer in peers], [b"hello", b"hello"])

    def assert_refused(self, peers: tuple[Peer, Peer], *why: type[Exception]) -> None:
        """The client heard nothing, said nothing, and knows why."""
        client, server = peers
        self.assertEqual((client.heard, server.heard), (b"", b""))
        assert client.lost is not None
        self.assertIsNotNone(client.lost.check(*why), client.lost)

    def test_signed_by_the_authority(self) -> None:
        self.assert_met(self.meet(Tls(Pem(CA.certificate))))

    def test_one_authority_of_several(self) -> None:
        self.assert_met(self.meet(Tls(Pem(OTHER.certificate + b"# next\n" + CA.certificate))))

    def test_signed_by_another(self) -> None:
        self.assert_refused(self.meet(Tls(Pem(OTHER.certificate))), SSL.Error)

    def test_the_machine_knows_no_cluster(self) -> None:
        self.assert_refused(self.meet(Tls()), SSL.Error)

    def test_expired(self) -> None:
        old = signed("server", CA, ip="127.0.0.1", expired=True)
        self.assert_refused(self.meet(Tls(Pem(CA.certificate)), old), SSL.Error)

    def test_another_name(self) -> None:
        self.assert_refused(self.meet(Tls(Pem(CA.certificate)), host=b"127.0.0.2"), VerificationError)
        self.assert_refused(self.meet(Tls(Pem(CA.certificate)), host=b"example.org"), VerificationError)

    def test_the_name_that_was_named(self) -> None:
        self.assert_met(self.meet(Tls(Pem(CA.certificate), server_name="kubernetes"), host=b"10.0.0.9"))

    def test_anybody_where_that_was_asked_for(self) -> None:
        self.assert_met(self.meet(Tls(unverified=True), host=b"example.org"))

    def test_the_client_shows_its_certificate(self) -> None:
        made = signed("dicot", CA)
        tls = Tls(Pem(CA.certificate), Pem(made.certificate), Pem(made.key))
        self.assertEqual(self.meet(tls)[1].shown, "dicot")

    def test_the_client_shows_what_it_was_given_later(self) -> None:
        tls = Tls(Pem(CA.certificate))
        self.assertEqual(self.meet(tls)[1].shown, "")
        made = signed("later", CA)
        tls.show(made.certificate, made.key)
        self.assertEqual(self.meet(tls)[1].shown, "later")


class Rotation(SynchronousTestCase):
    """Files that change."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.path.write_bytes(CA.certificate)
        self.tls = Tls(Pem(path=str(self.path)))
        self.changes = 0
        self.tls.listen(self.count)

    def count(self) -> None:
        """One change more."""
        self.changes += 1

    def test_a_new_authority_counts_for_the_next_connection(self) -> None:
        before = self.tls.creatorForNetloc(b"h", 1)
        self.assertIs(self.tls.creatorForNetloc(b"h", 1), before)
        self.path.write_bytes(OTHER.certificate)
        self.assertIsNot(self.tls.creatorForNetloc(b"h", 1), before)
        self.assertEqual(self.changes, 1)

    def test_a_broken_file_changes_nothing(self) -> None:
        before = self.tls.creatorForNetloc(b"h", 1)
        self.path.write_bytes(b"half a cert")
        self.assertIs(self.tls.creatorForNetloc(b"h", 1), before)
        self.path.unlink()
        self.assertIs(self.tls.creatorForNetloc(b"h", 1), before)
        self.assertEqual(self.changes, 0)


class Material(SynchronousTestCase):
    """What is refused at the start."""

    def test_no_certificate(self) -> None:
        self.assertRaises(ValueError, Tls, Pem(b"nothing"))
        self.assertRaises(OSError, Tls, Pem(path="/nowhere"))

    def test_a_key_of_another_certificate(self) -> None:
        mine, others = signed("a", CA), signed("b", CA)
        self.assertRaises(ValueError, Tls, Pem(CA.certificate), Pem(mine.certificate), Pem(others.key))

    def test_half_a_pair(self) -> None:
        mine = signed("a", CA)
        self.assertRaises(ValueError, Tls, Pem(CA.certificate), Pem(mine.certificate))
        self.assertRaises(ValueError, Tls, Pem(CA.certificate), Pem(), Pem(mine.key))
