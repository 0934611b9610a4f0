"""One line of JSON for each request that was answered or refused."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import BinaryIO
from urllib.parse import parse_qsl, urlencode

import msgspec
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

LONGEST = 256
"""Characters of a field."""
CROWD = 20
"""Lines that anonymous refusals may fill in a window."""
WINDOW = 10.0
"""Seconds."""

_SECRET = ("token", "pass", "secret", "signature", "credential", "receipt", "code")


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is said of a request. ``user`` is "" where nobody was recognised; ``took`` is in seconds.

    ``service`` and ``route`` (a path with its variables, and an action's key) are "" where none was found.
    """

    request_id: str
    global_id: str
    method: str
    path: str
    query: str
    status: int
    size: int
    took: float
    user: str
    project: str
    address: str
    service: str = ""
    route: str = ""


class AccessLog:
    """Turns records into lines; a flood of anonymous refusals becomes a count."""

    def __init__(
        self, clock: IReactorTime, write: Callable[[str], None], wall: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._write = write
        self._since = clock.seconds()
        self._crowd = 0

    def __call__(self, record: Record) -> None:
        if self._clock.seconds() - self._since >= WINDOW:
            self._turn()
        if not record.user and record.status >= 400:
            self._crowd += 1
            if self._crowd > CROWD:
                return
        self._write(line(record, self._wall()))

    def _turn(self) -> None:
        if self._crowd > CROWD:
            self._write(json.dumps({"time": _stamp(self._wall()), "suppressed": self._crowd - CROWD}))
        self._since, self._crowd = self._clock.seconds(), 0


def line(record: Record, now: float) -> str:
    """The line of a record, in ASCII: what was sent is quoted as JSON, which escapes every control character."""
    return (
        f'{{"time": "{_stamp(now)}", "request_id": {quoted(record.request_id)},'
        f' "global_request_id": {quoted(record.global_id)}, "method": {_told(record.method)},'
        f' "path": {_told(record.path)}, "query": {_told(masked(record.query))}, "status": {record.status},'
        f' "bytes": {record.size}, "duration_ms": {round(record.took * 1000, 3)}, "user_id": {_told(record.user)},'
        f' "project_id": {_told(record.project)}, "address": {_told(record.address)}}}'
    )


def masked(query: str) -> str:
    """A query without the values of keys that may carry a secret."""
    if not query:
        return query
    fields: Sequence[tuple[str, str]] = parse_qsl(query, keep_blank_values=True)
    if any(_is_secret(key) for key, _ in fields):
        return urlencode([(key, "***" if _is_secret(key) else value) for key, value in fields], safe="*")
    return query


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in _SECRET)


def _told(text: str) -> str:
    return quoted(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _stamp(now: float) -> str:
    second, rest = divmod(int(now * 1000), 1000)
    return f"{_second(second)}.{rest:03d}+00:00"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class LogFile(Service):
    """A file that lines are appended to, each written out at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def startService(self) -> None:
        Service.startService(self)
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115

    def stopService(self) -> None:
        Service.stopService(self)
        if self._file is not None:
            self._file.close()
            self._file = None

    def __call__(self, text: str) -> None:
        if self._file is not None:
            self._file.write(f"{text}\n".encode("ascii"))


class LogEvents:
    """Lines as events of twisted.logger, for those who collect everything in one stream."""

    log = Logger()

    def __call__(self, text: str) -> None:
        self.log.info("{access}", access=text)
