"""All of Dicot over a Kubernetes in memory as a process of its own, with a page full of servers.

Its argument are limits as JSON. It prints its port and a token of user demo as one line of JSON, and goes on until
its input ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from dicot.cloud.kinds.kubevirt import VM
from dicot.names import ID
from dicot.web.limits import Limits, affordable
from dicot.web.prompt import prompt
from dicot.web.site import build_site
from tests.compute.server.objects import recorded
from tests.whole import Whole

SERVERS = 1_000
TURN = 0.005


class Input(Protocol):
    """Calls when it ends."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()


def stand(reactor: Any, limits: Limits) -> tuple[int, str]:
    """Listen; the port, and a token."""
    whole = Whole(["demo"])
    whole.furnish()
    machine = recorded("running")["vm"]
    for number in range(SERVERS):
        labels = {ID: f"00000000-0000-4000-8000-{number:012d}"}
        whole.put(VM, {**machine, "metadata": {"name": f"vm-{number}", "namespace": "demo", "labels": labels}})
    token = whole.token("demo")
    # Pages are made in slices, by the clock that all but the sockets have.
    LoopingCall(whole.clock.advance, TURN).start(TURN)
    site = build_site(whole.apis, {}, whole.config.public_url, reactor, lambda record: None, limits=limits)
    port = reactor.listenTCP(0, site, backlog=1024, interface="0.0.0.0")
    prompt(port)
    return port.getHost().port, token


def main() -> None:
    """Until nobody wants it any more."""
    from twisted.internet import reactor

    port, token = stand(reactor, affordable(Limits(**json.loads(sys.argv[1]))))
    StandardIO(Input(reactor.stop))
    print(json.dumps({"port": port, "token": token}), flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
