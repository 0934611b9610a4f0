"""What virt-api says: to objects that are offered, and to every subresource in every state of a machine.

It runs on the real programs and on the sandbox. The answers are recorded in ``tests/sandbox/kubevirt/recorded``.

Differences that are meant: streams to guests (vnc, console, portforward) and what only virt-handler knows of a guest
are 501 in the sandbox; ``version`` says nothing of how a program was built.
"""

from __future__ import annotations

from tests.live.seen.stage import SeenTestCase
from tests.sandbox.kubevirt import admissions


class AdmissionTests(SeenTestCase):
    async def test_offers_are_answered_as_recorded(self) -> None:
        """What is right gets its defaults, what is wrong its causes."""
        recorded, wrong = admissions.recorded(), {}
        for name, document in admissions.every():
            path = admissions.path(document, self.namespace)
            found = admissions.kept(await self.control.ask("POST", path, document), self.namespace)
            if found != recorded[name]:
                wrong[name] = (found, recorded[name])
        self.assertEqual(wrong, {})
