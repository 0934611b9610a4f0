"""Queries of requests, read as the API server reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .refusals import bad_options, bad_request, forbidden_field, unsupported

Query = Mapping[str, tuple[str, ...]]
Validation = Literal["Ignore", "Warn", "Strict"]
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|ms|s|m|h))+\Z|0\Z")


def one(query: Query, name: str, default: str = "") -> str:
    """The first value of a parameter."""
    return next(iter(query.get(name, ())), default)


def flag(query: Query, name: str) -> bool:
    """A boolean parameter: anything but 0 and false is true, also nothing."""
    if name not in query:
        return False
    return one(query, name).lower() not in ("0", "false")


def number(query: Query, name: str) -> int | None:
    """An integer parameter. Raises Refusal."""
    text = one(query, name)
    if not text:
        return None
    if re.match(r"[+-]?[0-9]+\Z", text) is None:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list or a watch is asked for."""

    labels: str
    fields: str
    watch: bool
    bookmarks: bool
    version: str
    match: str
    initial: bool | None
    limit: int
    token: str
    timeout: int | None

    @classmethod
    def read(cls, query: Query) -> "ListQuery":
        """Raises Refusal for what contradicts itself (apimachinery, pkg/apis/meta/internalversion/validation)."""
        found = cls(
            labels=one(query, "labelSelector"),
            fields=one(query, "fieldSelector"),
            watch=flag(query, "watch"),
            bookmarks=flag(query, "allowWatchBookmarks"),
            version=one(query, "resourceVersion"),
            match=one(query, "resourceVersionMatch"),
            initial=flag(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
            limit=number(query, "limit") or 0,
            token=one(query, "continue"),
            timeout=number(query, "timeoutSeconds"),
        )
        found._check()
        return found

    def _check(self) -> None:
        """Raises Refusal."""
        field, match = "resourceVersionMatch", self.match
        if self.watch and self.initial is None and match:
            raise _forbidden(
                field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            )
        if self.watch and self.initial is not None and match != "NotOlderThan":
            raise _forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        if not self.watch and self.initial is not None:
            raise _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        if self.watch or not match:
            return
        if not self.version:
            raise _forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        if self.token:
            raise _forbidden(field, "resourceVersionMatch is forbidden when continue is provided")
        if match not in ("Exact", "NotOlderThan"):
            raise bad_options("ListOptions", unsupported(field, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and self.version == "0":
            raise _forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _forbidden(field: str, why: str) -> Exception:
    return bad_options("ListOptions", forbidden_field(field, why))


@dataclass(frozen=True, slots=True)
class WriteQuery:
    """How a write is to be done."""

    dry: bool
    validation: Validation
    manager: str
    force: bool | None = None

    @classmethod
    def read(cls, query: Query, kind: str) -> "WriteQuery":
        """``kind`` is that of the options: CreateOptions, UpdateOptions, PatchOptions. Raises Refusal."""
        check_timeout(query)
        dry = query.get("dryRun", ())
        if any(each != "All" for each in dry):
            raise bad_options(kind, unsupported("dryRun", list(dry), ("All",)))
        validation = one(query, "fieldValidation") or "Warn"
        if validation not in ("Ignore", "Warn", "Strict"):
            supported = ("", "Ignore", "Strict", "Warn")
            raise bad_options(kind, unsupported("fieldValidation", validation, supported))
        force = flag(query, "force") if "force" in query else None
        return cls(bool(dry), validation, one(query, "fieldManager"), force)  # type: ignore[arg-type]


def check_timeout(query: Query) -> None:
    """Raises Refusal for a ``timeout`` that is no duration."""
    text = one(query, "timeout")
    if text and not _DURATION.match(text):
        raise bad_request("invalid timeout specified in the request URL")
