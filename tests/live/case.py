"""What tests of refusals share: the daemon with its people, the envelopes of the services, and a quiet log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import Control
from tests.cluster.shared import is_sandbox
from tests.length import TIMEOUT
from tests.live.daemon import DAEMON
from tests.live.wire import Heard, Person, logged_in

BASES = {
    "identity": "/identity/v3",
    "compute": "/compute/v2.1",
    "image": "/image/v2",
    "network": "/network/v2.0",
}
LISTS = (
    ("identity", "/auth/projects"),
    ("compute", "/servers"),
    ("compute", "/flavors"),
    ("image", "/images"),
    ("network", "/ports"),
)
"""A collection of each service, or more."""
IMAGE = "cirros"
CLOCK = "/sandbox/clock"
ROOMY = "[quota]\ninstances = 1000\ncores = 1000\nram = -1\n"
"""Configuration of a daemon that shall not refuse a server for the others that are there."""
NOVA = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    503: "serviceUnavailable",
}
"""Names of Nova's faults; any other is a computeFault."""


class LiveCase(TestCase):
    """A shared daemon, user demo and the administrator; afterwards its log must hold no traceback."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = await DAEMON.shared(reactor, self)
        self.spoken = Spoken(self.daemon.log)
        self.addCleanup(lambda: self.assertEqual(self.spoken.tracebacks(), []))
        passwords = self.daemon.ground.passwords
        self.demo = await logged_in(reactor, self.daemon.url, "demo", passwords["demo"])
        self.admin = await logged_in(reactor, self.daemon.url, "admin", passwords["admin"])
        self.cluster = kubernetes(self, self.daemon.ground.access)

    def refused(self, service: str, answer: Heard, code: int, text: str = "", about: str = "") -> None:
        """Fails unless an answer is that refusal in the words and the envelope of its service."""
        note = f"{about}: {answer}"
        self.assertEqual(answer.code, code, note)
        self.assertRegex(answer.headers.get("x-openstack-request-id", ""), r"\Areq-[0-9a-f-]{36}\Z", note)
        message = message_of(service, answer)
        self.assertTrue(message, note)
        self.assertIn(text, message, note)


class Spoken:
    """What a daemon has logged since then."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._since = log.stat().st_size

    def text(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._since)
            return log.read().decode(errors="replace")

    def tracebacks(self) -> list[str]:
        """Each with what follows it."""
        return [found[-2000:] for found in re.findall(r"(?s)(?:^.*\n){0,3}Traceback.*", self.text())]


def kubernetes(test: TestCase, access: Any) -> Control:
    """The cluster as its administrator sees it, until the test ends."""
    control = Control(reactor, access.server, access.authority, access.admin)
    test.addCleanup(lambda: Deferred.fromCoroutine(control.close()))
    return control


async def put_forward(cluster: Control, seconds: float) -> bool:
    """Let the API server's clock be so much later than it is; whether it has such a switch, as a sandbox has."""
    if not is_sandbox():
        return False
    offset = (await cluster.get(CLOCK))["offset"] + seconds
    await cluster.change("PUT", CLOCK, {"offset": offset})
    return True


def message_of(service: str, answer: Heard) -> str:
    """The text of a refusal, out of the envelope that its service puts it in; a 401 is keystonemiddleware's.

    Glance's is plain text where the client did not come to say what it accepts.
    """
    if service == "image" and answer.headers["content-type"].startswith("text/plain"):
        status, _, text = answer.body.decode().partition("\n\n")
        return text if status.startswith(f"{answer.code} ") else ""
    document = answer.document
    if service == "identity" or answer.code == 401:
        [(name, fault)] = document.items()
        found = (name, fault["code"], bool(fault["title"])) == ("error", answer.code, True)
    elif service == "compute":
        [(name, fault)] = document.items()
        found = (name, fault["code"]) == (NOVA.get(answer.code, "computeFault"), answer.code)
    elif service == "network":
        [(name, fault)] = document.items()
        found = name == "NeutronError" and bool(fault["type"]) and fault["detail"] == ""
    else:
        fault, found = document, document["code"].startswith(f"{answer.code} ") and bool(document["title"])
    return str(fault["message"]) if found else ""


def new_server(name: str, image: str, /, **more: object) -> dict[str, Any]:
    """The body of a create."""
    return {"server": {"name": name, "flavorRef": "1", "imageRef": image, "networks": "auto"} | more}


async def image_id(person: Person, name: str = IMAGE) -> str:
    """The id of a public image."""
    answer = await person.ask("GET", f"/image/v2/images?name={name}")
    return str(answer.document["images"][0]["id"])
