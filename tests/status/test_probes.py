"""The probes."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.status.pages import probes
from dicot.web.call import Pieces


class ProbeTests(SynchronousTestCase):
    """/healthz and /readyz."""

    def setUp(self) -> None:
        self.checks = {"virtualmachines.kubevirt.io": True, "token keys": True}
        self.pages = probes(lambda: self.checks)

    def asked(self, path: str, *words: str) -> tuple[int, bytes]:
        reply = self.pages[path]({word: [""] for word in words}, "")
        assert isinstance(reply.body, Pieces)
        return reply.code, reply.body.joined()

    def test_ready_is_one_word(self) -> None:
        self.assertEqual(self.asked("/readyz"), (200, b"ok"))

    def test_what_is_missing_is_named(self) -> None:
        self.checks["token keys"] = False
        code, text = self.asked("/readyz")
        self.assertEqual(code, 503)
        self.assertEqual(text, b"[+]virtualmachines.kubevirt.io ok\n[-]token keys failed\ncheck failed\n")

    def test_verbose_lists_what_holds(self) -> None:
        self.assertEqual(self.asked("/readyz", "verbose")[1].count(b"[+]"), 2)

    def test_healthy_while_not_ready(self) -> None:
        self.checks["token keys"] = False
        self.assertEqual(self.asked("/healthz"), (200, b"ok"))
