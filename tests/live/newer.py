"""``twistd dicot`` of a release to come: its objects have the next ``formatVersion``, and a field that ours lack."""

from __future__ import annotations

import sys
from typing import Any

from twisted.scripts import twistd

from dicot.kube.address import Place
from dicot.kube.client import HttpKube
from dicot.kube.kind import Manifest

GROUPS = ".dicot.io"
VERSION = 2
FIELD = "added"
VALUE = {"by": ["a newer release"]}
CREATE, REPLACE = HttpKube.create, HttpKube.replace


def newer(at: Place, body: Manifest) -> Manifest:
    """An object as that release writes it; one that is not Dicot's own stays as it is."""
    if not at.group.endswith(GROUPS) or "spec" not in body:
        return body
    return {**body, "spec": {**body["spec"], "formatVersion": VERSION, FIELD: VALUE}}


async def create(self: HttpKube, at: Place, body: Manifest, **more: Any) -> bytes:
    """See Kube."""
    return await CREATE(self, at, newer(at, body), **more)


async def replace(self: HttpKube, at: Place, body: Manifest, **more: Any) -> bytes:
    """See Kube."""
    return await REPLACE(self, at, newer(at, body), **more)


if __name__ == "__main__":
    # Everything of Dicot's writes through these.
    patches: tuple[tuple[str, Any], ...] = (("create", create), ("replace", replace))
    for name, replacement in patches:
        setattr(HttpKube, name, replacement)
    sys.argv[0] = "twistd"
    twistd.run()
