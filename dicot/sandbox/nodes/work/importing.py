"""The worker that fetches an image into a volume (CDI 1.65.0, cmd/cdi-importer, pkg/importer).

It fetches what is on this machine. The rest of the world does not answer here: an image from there is a made up one,
one line that names the address it stands for.
"""

import hashlib
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from msgspec import json
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse

from . import formats
from .contents import Contents
from .job import Job

_DIGESTS = ("md5", "sha1", "sha256", "sha512")
_PROCESS = "Unable to process data"
_TRANSFER = f"{_PROCESS}: Unable to transfer source data to scratch space"
_CONNECT = "Unable to connect to http data source"


async def fetch(job: Job, contents: Contents, agent: IAgent, reactor: Any) -> str:
    """Fill the volume; the termination message. Raises Unusable with the one of a worker that failed."""
    endpoint = job.settings.get("IMPORTER_ENDPOINT", "")
    if job.is_full():
        raise formats.TooLarge(f"{_TRANSFER}: {formats.NO_SPACE}")
    if not is_here(endpoint):
        contents.write(job.held.volume, f"{endpoint}\n".encode() if endpoint else b"", job.size)
        return "{}"
    scratch = contents.scratch(job.held.volume)
    try:
        wrong = await _download(job, endpoint, agent, scratch)
        if not wrong:
            await _convert(scratch, job.room, reactor)
            contents.put(scratch, job.held.volume, job.size)
    except formats.TooLarge as reason:
        # Scratch space is as large as the volume, and looked at first.
        raise formats.TooLarge(f"{_TRANSFER}: {reason}") from None
    finally:
        scratch.unlink(missing_ok=True)
    return json.encode({"message": f"{_TRANSFER}: {wrong}"}).decode() if wrong else "{}"


async def _convert(scratch: Path, room: int, reactor: Any) -> None:
    """Make a raw image of what was fetched. Raises Unusable."""
    try:
        await deferToThreadPool(reactor, reactor.getThreadPool(), formats.raw, scratch, room)
    except formats.TooLarge:
        raise
    except formats.Unusable as reason:
        raise formats.Unusable(f"{_PROCESS}: {reason}") from None


def is_here(endpoint: str) -> bool:
    """Whether an address is one of this machine."""
    found = urlsplit(endpoint)
    host = found.hostname or ""
    if found.scheme != "http":
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _download(job: Job, endpoint: str, agent: IAgent, scratch: Path) -> str:
    """Fetch it into a file; what is wrong with its checksum, "" for nothing. Raises Unusable."""
    algorithm, _, expected = job.settings.get("IMPORTER_CHECKSUM", "").partition(":")
    digest = hashlib.new(algorithm if algorithm in _DIGESTS else "sha256", usedforsecurity=False)
    try:
        answer: IResponse = await agent.request(b"GET", endpoint.encode(), Headers(dict(_headers(job))))
        if answer.code != 200:
            status = f"{answer.code} {answer.phrase.decode('latin-1')}"
            raise formats.Unusable(f"{_CONNECT}: expected status code 200, got {answer.code}. Status: {status}")
        with scratch.open("wb") as written:
            sink = _Sink(written, digest, job.room, None if answer.length is UNKNOWN_LENGTH else answer.length)
            answer.deliverBody(sink)
            await sink.done
    except (ConnectError, ResponseFailed) as reason:
        raise formats.Unusable(f'{_CONNECT}: HTTP request errored: Get "{endpoint}": {reason}') from None
    if expected and digest.hexdigest() != expected.lower():
        told = f"expected {algorithm}:{expected}, calculated {algorithm}:{digest.hexdigest()}"
        return f"checksum validation failed: checksum mismatch: {told}"
    return ""


def _headers(job: Job) -> Iterator[tuple[str, list[str]]]:
    for name, value in job.settings.items():
        if name.startswith("IMPORTER_EXTRA_HEADER_"):
            key, _, text = value.partition(":")
            yield key.strip(), [text.strip()]


class _Sink(Protocol):
    """Writes a body into a file, as long as there is room. ``length``: of the body, where that is known."""

    def __init__(self, written: IO[bytes], digest: Any, room: int, length: int | None) -> None:
        self._written = written
        self._digest = digest
        self._left = room
        self._full = formats.TooLarge(formats.NO_SPACE) if length is None else formats.larger(length, room)
        self.done: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._left -= len(data)
        if self._left < 0:
            self.transport.loseConnection()  # type: ignore[union-attr]
            return
        self._digest.update(data)
        self._written.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        if self._left < 0:
            self.done.errback(self._full)
        elif reason.check(ResponseDone):
            self.done.callback(None)
        else:
            self.done.errback(ResponseFailed([reason]))


def agent(reactor: IReactorFromThreads) -> IAgent:
    """How images are fetched."""
    made: IAgent = Agent(reactor)
    return made
