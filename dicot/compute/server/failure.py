"""Why a server is in error: Nova's fault, in words of our own.

What Kubernetes says may name nodes, addresses and storage of the cluster: it is told to administrators alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...cloud.kinds.condition import Condition
from ..times import seconds_of
from .seen import Seen, held

NO_HOST = "No valid host was found. There are not enough hosts available."
QUOTA = "Quota exceeded for resources."
FAILED_ONCE, NOT_PULLED = "Error", "ImagePullFailed"
"""What CDI says of a volume that its worker does not fill: it ended badly, or its image is not to be had."""
WORDS: Mapping[str, str] = {
    "FailedFindInstancetype": "Flavor could not be found.",
    "FailedFindPreference": "Preference could not be found.",
    "FailedCreate": "The cluster refused an object of the instance.",
    "FailedPvcNotFound": "A disk of the instance could not be found.",
    "ErrImagePull": "The image could not be fetched.",
    "ImagePullBackOff": "The image could not be fetched.",
    NOT_PULLED: "The image could not be fetched.",
    "FailedGuaranteeResources": "The resources of the instance could not be guaranteed.",
    "ErrExceededQuota": QUOTA,
    "ErrClaimNotValid": "The storage class does not say how a disk is to be claimed.",
    FAILED_ONCE: "The disk could not be filled from the image.",
    "CrashLoopBackOff": "The instance ended each time that it was started.",
}
UNKNOWN = "The instance could not be started."
LONGEST_DETAILS = 4096


@dataclass(frozen=True, slots=True)
class Failure:
    """``created`` as Nova writes times; ``details`` is Kubernetes' own text."""

    code: int
    message: str
    created: str
    details: str


def failure_of(seen: Seen, id: str) -> Failure | None:
    """The first reason there is, from the VM itself down to the scheduler."""
    found = next(_reasons(seen), None)
    if found is None:
        return None
    created = seconds_of(found.lastTransitionTime) or seen.vm.metadata.creationTimestamp
    code, words = _told(found)
    message = words if words == NO_HOST else f"Build of instance {id} aborted: {words}"
    return Failure(code, message, created, found.message[:LONGEST_DETAILS])


def _told(found: Condition) -> tuple[int, str]:
    if "exceeded quota" in found.message or found.reason == "ErrExceededQuota":
        return 403, QUOTA
    if "not authorized" in found.message:
        return 403, "Not authorized to use the image."
    if found.type == "PodScheduled":
        return 500, NO_HOST
    if found.reason.startswith("FailedBackendStorage"):
        return 500, "The storage of the instance could not be made."
    return 500, WORDS.get(found.reason, UNKNOWN)


def _reasons(seen: Seen) -> Iterator[Condition]:
    if seen.failure is not None:
        yield seen.failure
    for volume in seen.volumes:
        running = held(volume.status.conditions, "Running", "False")
        if running is not None and running.reason in (FAILED_ONCE, NOT_PULLED):
            yield running
        bound = held(volume.status.conditions, "Bound", "False")
        if bound is not None and bound.reason in ("ErrExceededQuota", "ErrClaimNotValid"):
            yield bound
    for type in ("Synchronized", "PodScheduled"):
        found = seen.of_instance(type, "False")
        if found is not None:
            yield found
    if seen.printable == "CrashLoopBackOff":
        # Between two tries there is no instance that could tell.
        yield Condition(reason=seen.printable)
