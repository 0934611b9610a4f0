"""The bytes that all servers answer, as files: Dicot's own answers, taken once before the rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

LIST = "/compute/v2.1/servers/detail"
ONE = "/compute/v2.1/servers/"
DICTS, JOINED = "/dicts", "/joined"
"""The same list from FastAPI: of dicts, as its handlers are mostly written, and of fragments."""
PAGE = "detail.json"
"""A page of servers."""
EACH = "servers.json"
"""Answers to GETs of single servers, by id."""


def fragments(page: bytes) -> tuple[bytes, list[bytes], bytes]:
    """What comes before the servers of a page, each of them, and what comes after; joined by ", " they are the page.

    Raises ValueError where that is not so.
    """
    text = page.decode()
    start = text.index("[") + 1
    found, end = [], start
    while text[end] == "{" or text.startswith(", ", end):
        end += 2 if text[end] == "," else 0
        _, after = json.JSONDecoder().raw_decode(text, end)
        found.append(text[end:after].encode())
        end = after
    head, tail = text[:start].encode(), text[end:].encode()
    if not tail.startswith(b"]") or head + b", ".join(found) + tail != page:
        raise ValueError("the page is not what its fragments make")
    return head, found, tail


def write(folder: Path, page: bytes, each: Mapping[str, bytes]) -> None:
    """Leave them for the servers."""
    (folder / PAGE).write_bytes(page)
    (folder / EACH).write_text(json.dumps({id: answer.decode() for id, answer in each.items()}))


def read_page(folder: Path) -> bytes:
    return (folder / PAGE).read_bytes()


def read_each(folder: Path) -> dict[str, bytes]:
    return {id: answer.encode() for id, answer in json.loads((folder / EACH).read_text()).items()}
