"""What runs in Pods of CDI: forms, names, and who is on this machine."""

import tempfile
from pathlib import Path

from twisted.names import dns
from twisted.names.error import DomainError
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.nodes.work import forms
from dicot.sandbox.nodes.work.formats import Unusable
from dicot.sandbox.nodes.work.importing import is_here
from dicot.sandbox.nodes.work.names import Names, Resolver

PART = b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'


def form(*parts: bytes) -> bytes:
    """Parts as a browser sends them."""
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


class Forms(SynchronousTestCase):
    def file(self, body: bytes) -> bytes:
        """The file in a form."""
        target = Path(self.mktemp())
        with tempfile.NamedTemporaryFile() as content:
            content.write(body)
            content.flush()
            forms.extract(content, b"b", target)
        return target.read_bytes()

    def test_the_file_is_found_among_others(self) -> None:
        content = b"\r\n--\r\n--c\r\n\x00" * 9
        self.assertEqual(self.file(form(PART % (b"name", b"x"), PART % (b"file", content))), content)
        self.assertEqual(self.file(form(PART % (b"file", b""))), b"")

    def test_a_form_without_a_file(self) -> None:
        for body in (b"", b"--b--\r\n", form(PART % (b"name", b"x")), form(PART % (b"file", b"x"))[:-9], b"file"):
            self.assertRaises(Unusable, self.file, body)

    def test_what_separates_the_parts(self) -> None:
        self.assertEqual(forms.boundary('multipart/form-data; boundary="a b"'), b"a b")
        for media in ("", "multipart/form-data", "text/plain; boundary=b"):
            self.assertRaises(Unusable, forms.boundary, media)


class Addresses(SynchronousTestCase):
    def test_names_of_services(self) -> None:
        names = Names()
        names.add("cdi-upload-x", "n", "127.77.0.1")
        for name in ("cdi-upload-x.n.svc", "CDI-upload-x.n.svc.cluster.local."):
            self.assertEqual(names.find(name), "127.77.0.1")
        resolver = Resolver(names)
        (answer,), _, _ = self.successResultOf(resolver.query(dns.Query("cdi-upload-x.n.svc", dns.A)))
        self.assertEqual(answer.payload, dns.Record_A("127.77.0.1", 1))
        self.assertEqual(self.successResultOf(resolver.query(dns.Query("cdi-upload-x.n.svc", dns.AAAA)))[0], [])
        names.drop("cdi-upload-x", "n")
        self.failureResultOf(resolver.query(dns.Query("cdi-upload-x.n.svc", dns.A)), DomainError)

    def test_who_is_on_this_machine(self) -> None:
        for address in ("http://127.0.0.1:80/x", "http://localhost/", "http://[::1]/x"):
            self.assertTrue(is_here(address), address)
        for address in ("", "http://example.org/x", "docker://localhost/x", "http://10.0.0.1/", "https://localhost/"):
            self.assertFalse(is_here(address), address)
