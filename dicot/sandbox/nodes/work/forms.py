"""The file of a form (RFC 7578), as a browser sends it."""

import mmap
import os
from email.message import Message
from pathlib import Path
from typing import IO

from .formats import Unusable

_FIELD = "file"


def boundary(media: str) -> bytes:
    """What separates the parts. Raises Unusable."""
    message = Message()
    message["content-type"] = media
    found = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(found, str):
        raise Unusable("request Content-Type isn't multipart/form-data")
    return found.encode()


def extract(form: IO[bytes], separator: bytes, target: Path) -> None:
    """Write the part of the name ``file`` into a file of its own. Raises Unusable where there is none."""
    if not os.fstat(form.fileno()).st_size:
        raise Unusable("multipart: NextPart: EOF")
    with mmap.mmap(form.fileno(), 0, access=mmap.ACCESS_READ) as body:
        start, end = _part(body, b"--" + separator)
        with target.open("wb") as written, memoryview(body)[start:end] as content:
            written.write(content)


def _part(body: mmap.mmap, separator: bytes) -> tuple[int, int]:
    at = body.find(separator)
    while at >= 0:
        head = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + separator, at + len(separator))
        if head < 0 or end < head:
            break
        if _name(body[at + len(separator) : head]) == _FIELD:
            return head + 4, end
        at = end + 2
    raise Unusable("multipart: NextPart: EOF")


def _name(headers: bytes) -> str:
    for line in headers.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-disposition":
            message = Message()
            message["content-disposition"] = value.decode("utf-8", "replace").strip()
            return str(message.get_param("name", "", "content-disposition"))
    return ""
