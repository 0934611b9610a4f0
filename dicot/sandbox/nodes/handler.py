"""What virt-handler does at once to a guest of its node when it is told to."""

from collections.abc import Callable, Mapping

from msgspec import json

from dicot.kube.address import Place
from dicot.kube.client import Kube
from dicot.kube.errors import Conflict
from dicot.kube.kind import Manifest

from . import guests
from .devices import Sessions

TRIES = 5
Change = Callable[[Manifest, float], Manifest | None]

_CHANGES: Mapping[str, Change] = {
    "pause": guests.pause,
    "unpause": guests.unpause,
    "freeze": guests.freeze,
    "unfreeze": guests.thaw,
    "softreboot": guests.reboot,
    "reset": guests.reboot,
}


FACTS: Mapping[str, Callable[[Manifest], Manifest]] = {
    "guestosinfo": guests.facts,
    "userlist": guests.users,
    "filesystemlist": guests.file_systems,
}


class Handler:
    """Changes guests as virt-handler, and speaks for them. ``sessions`` are the connections to their devices."""

    def __init__(self, kube: Kube, now: Callable[[], float]) -> None:
        self._kube = kube
        self._now = now
        self.sessions = Sessions()

    def knows(self, action: str) -> bool:
        """Whether this is something that it does."""
        return action in _CHANGES

    async def find(self, namespace: str, name: str) -> Manifest:
        """A guest. Raises of ``dicot.kube.errors``."""
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", namespace, name)
        found: Manifest = json.decode(await self._kube.read(place))
        return found

    async def tell(self, namespace: str, name: str, action: str) -> None:
        """Do it. Raises of ``dicot.kube.errors``."""
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", namespace, name)
        for left in reversed(range(TRIES)):
            changed = _CHANGES[action](json.decode(await self._kube.read(place)), self._now())
            if changed is None:
                return
            try:
                await self._kube.replace(place, changed)
            except Conflict:
                if not left:
                    raise
            else:
                return
