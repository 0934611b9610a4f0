"""Where Dicot and Nova are meant to differ, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .theirs import Asked, Said


@dataclass(frozen=True, slots=True)
class Case:
    """``applies`` is asked with the body, what Nova said, and the words of Dicot's refusal."""

    why: str
    applies: Callable[[Any, Said, str], bool]


def _taken(nova: Said) -> bool:
    return "heard" in nova


def _refused_by(beginning: str) -> Callable[[Any, Said, str], bool]:
    """Nova takes it, and Dicot's refusal begins so."""
    return lambda body, nova, words: _taken(nova) and words.startswith(beginning)


def _is_forced(body: Any) -> bool:
    return ":" in body["server"].get("availability_zone", "")


def _hinted(body: Any, hint: str) -> bool:
    return any(body.get(name, {}).get(hint) for name in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"))


TO_BE_LOOKED_AT = (
    "Invalid volume: Invalid input received: ",
    "Multiattach volumes",
    "Block Device Mapping is Invalid: failed to get snapshot",
    "Blank volumes",
)


def _names_two(body: Any) -> bool:
    """Whether a device has an id beside that of its source."""
    server = body["server"]
    devices = [*server.get("block_device_mapping", []), *server.get("block_device_mapping_v2", [])]
    named = ("image_id", "volume_id", "snapshot_id")
    return any(sum(bool(device.get(name)) for name in (*named, "source_type")) > 1 for device in devices)


ALWAYS: tuple[Case, ...] = (
    Case(
        "Nova breaks on it, with a 500; here every bad body is a 400",
        lambda body, nova, words: nova.get("code") == 500,
    ),
)
MEANT: tuple[Case, ...] = (
    *ALWAYS,
    Case(
        "numbers of more digits than Python reads are too long",
        lambda body, nova, words: words.endswith("is too long") and "9" * 4301 in words,
    ),
    Case(
        "the form of a body is looked at before it is asked who may name a host",
        lambda body, nova, words: nova.get("code") == 403 and nova["message"].startswith("Policy doesn't allow"),
    ),
    Case(
        "a host that is not there is told at once, where Nova's scheduler would put the server in ERROR",
        lambda body, nova, words: _is_forced(body) and words.startswith("Compute host"),
    ),
    Case(
        "a zone that is not there is told at once also where a colon hides it from Nova's check",
        lambda body, nova, words: _is_forced(body) and words == "The requested availability zone is not available",
    ),
    Case(
        "that none of the servers runs with which this one must be is told at once, and not by an ERROR",
        lambda body, nova, words: _hinted(body, "same_host") and words.startswith("No valid host was found."),
    ),
    Case(
        "hints for filters that Nova does not enable by itself are refused, not overlooked",
        _refused_by("Scheduler hint"),
    ),
    Case(
        "certificates of images cannot be verified here, and disks are always volumes",
        _refused_by("Image certificate validation"),
    ),
    Case(
        "the cluster's own network gives addresses and takes no wishes",
        _refused_by("Fixed IP not found"),
    ),
    Case(
        "there is one network, and a server has one interface in it",
        _refused_by("A server has one interface here"),
    ),
    Case(
        "KubeVirt connects disks by fewer buses, and only volumes as anything but disks",
        _refused_by("Requested hardware"),
    ),
    Case(
        "a root disk is of the server's own image; Nova overlooks any other that the mapping names",
        lambda body, nova, words: _taken(nova) and "failed to get image" in words,
    ),
    Case(
        "a server boots from an image or a volume",
        lambda body, nova, words: _taken(nova) and "Boot sequence" in words,
    ),
    Case(
        "what does not fit into a new volume is told at once, where Cinder would leave the server in ERROR",
        _refused_by("Invalid input received: "),
    ),
    Case(
        "of a device that names two things both are looked at",
        lambda body, nova, words: _names_two(body) and words.startswith(TO_BE_LOOKED_AT),
    ),
    Case(
        "a volume is one disk of a server",
        lambda body, nova, words: _taken(nova) and words.endswith("is named twice."),
    ),
)


def meant(asked: Asked, nova: Said, dicot: Said) -> str:
    """Why these two differ on purpose, "" where they should not."""
    if not 400 <= dicot.get("code", 0) < 500:
        return ""
    cases = MEANT if asked[0] == "create" else ALWAYS
    return next((case.why for case in cases if case.applies(asked[2], nova, dicot["message"])), "")
