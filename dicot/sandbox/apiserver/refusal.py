"""What the API server refuses, as its Status says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import json

from dicot.kube.kind import Manifest


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of ``details.causes``; ``reason`` is FieldValueInvalid, FieldValueRequired and so on."""

    reason: str
    message: str
    field: str = ""


@dataclass
class Refusal(Exception):
    """Answered as a Status of kind Failure (apimachinery, pkg/api/errors and pkg/apis/meta/v1).

    ``kind`` is what ``details.kind`` says: the plural of a resource, or the kind of an object that is invalid.
    ``token`` continues a list whose version is gone. ``bare`` ones have details with nothing in them.
    """

    code: int
    reason: str
    message: str
    group: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after: int = 0
    token: str = ""
    bare: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def status(self) -> Manifest:
        """The body of the answer."""
        details: Manifest = {}
        for name in ("name", "group", "kind", "uid"):
            if getattr(self, name):
                details[name] = getattr(self, name)
        if self.causes:
            details["causes"] = [_cause(each) for each in self.causes]
        if self.retry_after:
            details["retryAfterSeconds"] = self.retry_after
        metadata = {"continue": self.token} if self.token else {}
        status: Manifest = {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        # A refusal of no resource in particular still has its empty details.
        if details or self.bare or self.reason == "Forbidden":
            status["details"] = details
        status["code"] = self.code
        return status

    def line(self) -> bytes:
        """The line of a watch that it ends with."""
        return json.encode({"type": "ERROR", "object": self.status()}) + b"\n"


def _cause(cause: Cause) -> Manifest:
    said: Manifest = {"reason": cause.reason} if cause.reason else {}
    said["message"] = cause.message
    return {**said, "field": cause.field} if cause.field else said
