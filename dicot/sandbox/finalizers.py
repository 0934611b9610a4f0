"""Finalizers, put on and taken off an object that is read, changed and written as a whole."""

from collections.abc import Collection

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from .steps import Rewrite


def finalized(at: Place, uid: str, add: Collection[str] = (), remove: Collection[str] = ()) -> Rewrite:
    """The step that gives an object some finalizers and takes others; none where nothing is left to change."""

    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        old = meta.get("finalizers", [])
        new = [each for each in old if each not in remove]
        new += (each for each in add if each not in new and "deletionTimestamp" not in meta)
        if meta["uid"] != uid or new == old:
            return None
        return {**found, "metadata": {**meta, "finalizers": new}}

    return Rewrite(at, change)
