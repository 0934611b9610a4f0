"""What the tests that every Kube passes are made with."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
from twisted.trial.unittest import TestCase

from dicot.cloud.chores.lease import LEASE
from dicot.cloud.kinds.identity import NAME_CLAIM, NAMESPACE
from dicot.cloud.kinds.storage import SECRET
from dicot.kube import errors
from dicot.kube.address import Place, place
from dicot.kube.client import Kube
from dicot.kube.kind import Kind, Manifest
from dicot.kube.media import MERGE

BUILT_IN, CUSTOM = SECRET, NAME_CLAIM
KINDS: tuple[Kind[Any], ...] = (BUILT_IN, CUSTOM)
PARTS: dict[Kind[Any], Manifest] = {
    BUILT_IN: {"type": "Opaque", "data": {"key": "eA=="}},
    CUSTOM: {
        "spec": {
            "formatVersion": 1,
            "kind": "k",
            "scope": "s",
            "name": "n",
            "holder": "h",
            "place": "p",
            "held": False,
        }
    },
    LEASE: {"spec": {"holderIdentity": "me"}},
}


class KubeCase(TestCase):
    """Each test has a namespace of its own, so that many may run on one cluster."""

    kube: Kube

    async def pause(self) -> None:
        """A moment of the cluster's time."""
        raise NotImplementedError

    async def begin(self) -> None:
        """A namespace for the test; ``kube`` was asked nothing before."""
        self.before = self.kube.server_time()
        self.spaces: list[str] = []
        self.space = await self.another_space()

    async def another_space(self) -> str:
        """A further namespace."""
        space = f"contract-{uuid4().hex[:12]}"
        await self.kube.create(place(NAMESPACE, ""), {"metadata": {"name": space}, **type_of(NAMESPACE)})
        self.spaces.append(space)
        return space

    async def made_elsewhere(self, kind: Kind[Any], name: str, **metadata: Any) -> None:
        """An object of another namespace."""
        space = await self.another_space()
        body = {**self.body(kind, name), "metadata": {"name": name, **metadata}}
        await self.kube.create(place(kind, space), body)

    # objects

    def body(self, kind: Kind[Any], name: str, **metadata: Any) -> Manifest:
        return {**type_of(kind), "metadata": {"name": name, "namespace": self.space, **metadata}, **PARTS[kind]}

    def at(self, kind: Kind[Any], name: str = "") -> Place:
        return place(kind, self.space, name)

    async def made(self, kind: Kind[Any], name: str = "one", **metadata: Any) -> Manifest:
        return whole(await self.kube.create(self.at(kind), self.body(kind, name, **metadata)))

    async def stored(self, kind: Kind[Any], name: str = "one") -> Manifest:
        return whole(await self.kube.read(self.at(kind, name)))

    async def patched(self, kind: Kind[Any], body: Any, media: str = MERGE, **how: Any) -> Manifest:
        return whole(await self.kube.patch(self.at(kind, "one"), body, media=media, **how))

    async def names(self, kind: Kind[Any]) -> list[str]:
        return [msgspec.json.decode(each)["metadata"]["name"] for each in await self.kube.all(kind, self.space)]

    async def refused(self, kind: type[errors.Refused], asking: Awaitable[Any], code: int, reason: str) -> str:
        """The message of a refusal of just that type, code and reason."""
        try:
            await asking
        except errors.Refused as refused:
            self.assertEqual((type(refused), refused.code, refused.reason), (kind, code, reason))
            return refused.message
        raise self.failureException(f"no {kind.__name__}")

    async def missing(self, kind: Kind[Any], asking: Awaitable[Any], name: str = "one") -> None:
        said = await self.refused(errors.Missing, asking, 404, "NotFound")
        self.assertEqual(said, f'{kind.resource} "{name}" not found')

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(300):
            if await holds():
                return
            await self.pause()
        self.fail("it did not come about")


def type_of(kind: Kind[Any]) -> Manifest:
    return {"apiVersion": kind.api_version, "kind": kind.singular}


def whole(answer: bytes) -> Manifest:
    """An object, without the books that only the real server keeps."""
    found: Manifest = msgspec.json.decode(answer)
    for kept in ("managedFields", "generation"):
        found["metadata"].pop(kept, None)
    return found


def without_uid(body: Manifest) -> Manifest:
    return {**body, "metadata": {name: value for name, value in body["metadata"].items() if name != "uid"}}
