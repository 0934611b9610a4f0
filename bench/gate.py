"""``python -m bench.gate``: how long Dicot's gate takes for a token that it has seen before, in seconds.

The gate is Dicot's own, over a cloud in memory of one user with one role in one project.
"""

from __future__ import annotations

import time

from dicot.cloud.callers.gate import TokenGate
from dicot.cloud.callers.policy import Policy
from dicot.cloud.callers.tokens import ProjectScope
from tests.cloud.town import Town, hex_id

from .figures import Spread

CHECKS = 10_000
ROUNDS = 5


def main() -> None:
    town = Town(1)
    town.user("ann")
    town.project("lab")
    town.assign("ann", "member", project="lab")
    [replica] = town.replicas
    scope = ProjectScope(hex_id("lab"))
    fresh = replica.tokens.fresh(hex_id("ann"), scope, frozenset(("password",)), 0, town.clock.seconds())
    text = replica.tokens.write(fresh)
    identify = TokenGate(replica.standings, Policy({})).identify
    identify(text)
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CHECKS):
            identify(text)
        found.append((time.process_time() - began) / CHECKS)
    print(Spread.of(found).median)


if __name__ == "__main__":
    main()
