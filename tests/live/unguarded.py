"""``twistd dicot`` with Dicot's own guards taken out: everybody may everything, and sees what is in every project.

What still keeps tenants' writes apart is Kubernetes: each is made as an account of the token's own project.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.scripts import twistd

from dicot.caller import Caller
from dicot.cloud.callers.policy import Policy
from dicot.cloud.reading.resolver import Sight
from dicot.kube.kind import Kind


def permit(self: Policy, caller: Caller, operation: str) -> None:
    """Everybody may."""


SEEN = Sight._namespaces


def everywhere(self: Sight, kind: Kind[Any], everywhere: bool = False) -> tuple[str, ...]:
    """Also all projects, whoever asks."""
    others = self.project_ids().values() if kind.namespaced else ()
    return tuple(dict.fromkeys((*SEEN(self, kind, everywhere), *others)))


if __name__ == "__main__":
    # The policy and the view of the cache are patched where they are defined: everything asks these.
    patches: tuple[tuple[Any, str, Any], ...] = ((Policy, "permit", permit), (Sight, "_namespaces", everywhere))
    for owner, name, replacement in patches:
        setattr(owner, name, replacement)
    sys.argv[0] = "twistd"
    twistd.run()
