"""Glance's dialect: webob's error pages, by Accept (glance 33.0.0: common/wsgi.py; webob 1.8: exc.py)."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from ...faults import Fault
from ..dialect import Words
from . import envelopes
from .common import Common

_OFFERS = ("text/html", "application/json")
_TAG = re.compile(r"<.*?>")
_RANGE = re.compile(
    r"\s*([^\s;,/]+/[^\s;,/]+(?:\s*;\s*(?!q=)[^\s;,=]+=[^\s;,]+)*)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*"
)
"""A media range; one with parameters of its own matches no offer."""
_WORDS = Words(
    malformed="Malformed JSON in request body.",
    media=envelopes.MALFORMED,
    no_such_action=envelopes.MALFORMED,
    unexpected="The server has either erred or is incapable of performing the requested operation.",
)


@dataclass(frozen=True, slots=True)
class Image(Common):
    """A page in HTML, JSON or plain text."""

    service = "image"
    words = _WORDS

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        if fault.code == 401:
            return envelopes.keystone_error(fault), envelopes.JSON_UTF8
        title = envelopes.phrase(fault.code)
        status = f"{fault.code} {title}"
        match preferred(accept):
            case "application/json":
                message = f"{fault.message}<br /><br />\n\n\n"
                return msgspec.json.encode({"message": message, "code": status, "title": title}), envelopes.JSON
            case "text/html":
                return _page(status, fault.message), "text/html; charset=UTF-8"
        plain = _TAG.sub("", fault.message.replace("\n", " "))
        return f"{status}\n\n{plain}\n\n   ".encode(), "text/plain; charset=UTF-8"


def preferred(accept: str) -> str | None:
    """Which of webob's two offers a client wants most; None where it wants neither, or did not say."""
    if not accept.strip():
        return None
    wanted: dict[str, float] = {}
    for entry in accept.split(","):
        found = _RANGE.fullmatch(entry)
        if found is None:
            return _OFFERS[0]
        wanted[found[1].lower()] = float(found[2] or 1)
    ranked = sorted(_OFFERS, key=lambda offer: -_quality(offer, wanted))
    return ranked[0] if _quality(ranked[0], wanted) > 0 else None


def _quality(offer: str, wanted: Mapping[str, float]) -> float:
    family = offer.partition("/")[0] + "/*"
    return next((wanted[name] for name in (offer, family, "*/*") if name in wanted), 0.0)


def _page(status: str, message: str) -> bytes:
    body = f"{html.escape(message)}<br /><br />\n\n\n"
    return (
        f"<html>\n <head>\n  <title>{status}</title>\n </head>\n"
        f" <body>\n  <h1>{status}</h1>\n  {body}\n </body>\n</html>"
    ).encode()
