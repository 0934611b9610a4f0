"""Streamed lists that are compressed, as Kubernetes does since 1.37 for clients that accept gzip.

It ends the gzip member at every flush (kubernetes/kubernetes#140140), and decoders that stop at the end of the first
one, as Twisted's does, lose all that follows without an error. Ordinary watches are never compressed.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from twisted.web.client import readBody
from twisted.web.http_headers import Headers

from tests.cluster.releases import COMPRESSING, release

from .test_reflector_live import LiveTestCase

STREAMED = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
THINGS = 30
ENCODING = "Accept-Encoding"


def members(data: bytes) -> list[bytes]:
    """The content of each member of a gzip file."""
    found = []
    while data:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        found.append(decoder.decompress(data))
        data = decoder.unused_data
    return found


def names(lines: bytes) -> list[str]:
    """Of the objects that a watch has shown, without its bookmarks."""
    events = [json.loads(line) for line in lines.splitlines()]
    return [event["object"]["metadata"]["name"] for event in events if event["type"] != "BOOKMARK"]


class CompressionTests(LiveTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.compresses = await release(self.control) >= COMPRESSING
        for number in range(THINGS):
            await self.create(f"n{number:02}")
        self.all = [*(f"n{number:02}" for number in range(THINGS)), "later"]

    async def watched(self, query: str) -> tuple[str, bytes]:
        """What a client that accepts gzip is told in some seconds, in which one more is made: encoding and bytes."""
        headers = Headers({ENCODING: ["gzip"]})
        for key, value in (await self.origin.credential.authorize()).items():
            headers.setRawHeaders(key, [value])
        uri = f"{self.origin.credential.server}{self.things}?watch=1&timeoutSeconds=3{query}".encode()
        response: Any = await self.agent.request(b"GET", uri, headers)
        self.assertEqual(response.code, 200)
        body = readBody(response)
        await self.create("later")
        return response.headers.getRawHeaders("Content-Encoding", [""])[0], await body

    async def test_a_list_is_streamed_in_several_members(self) -> None:
        encoding, body = await self.watched(STREAMED)
        self.assertEqual(encoding, "gzip" if self.compresses else "")
        parts = members(body) if self.compresses else [body]
        self.assertEqual(sorted(names(b"".join(parts))), sorted(self.all))
        if self.compresses:
            self.assertGreater(len(parts), 1)
            self.assertNotIn("later", names(parts[0]))

    async def test_a_watch_is_never_compressed(self) -> None:
        version = (await self.control.get(self.things))["metadata"]["resourceVersion"]
        encoding, body = await self.watched(f"&resourceVersion={version}")
        self.assertEqual((encoding, names(body)), ("", ["later"]))

    async def test_our_reflector_accepts_no_encoding_and_hears_everything(self) -> None:
        reflector = self.reflect()
        await self.store.synced()
        await self.store.reached(await self.create("later"))
        self.assertEqual(self.names(), sorted(self.all))
        health = reflector.health()
        self.assertEqual((health.fallbacks, health.relists, health.cuts), (0, 0, 0))
        self.assertEqual([headers.getRawHeaders(ENCODING) for headers in self.agent.headers], [None])
