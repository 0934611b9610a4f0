"""What the kinds of CDI share: parts of objects, and the keys by which one names another."""

import msgspec

from dicot.kube.kind import Meta


class Everything:
    """Holds whatever is looked for: CDI copies all annotations of a volume to its claim."""

    def __contains__(self, key: object) -> bool:
        return True


class Finalized(Meta, frozen=True, omit_defaults=True):
    """What is kept of ``metadata`` where finalizers count."""

    finalizers: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition of a volume or a source."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    lastTransitionTime: str | None = None
    lastHeartbeatTime: str | None = None


class Resources(msgspec.Struct, frozen=True):
    """What is asked for; a CustomResource may hold a size as a number."""

    requests: dict[str, str | int] = {}
    limits: dict[str, str | int] = {}


class ClaimReference(msgspec.Struct, frozen=True):
    """A claim as a source; where no namespace is said, it is that of the object that names it."""

    name: str
    namespace: str = ""


def link(namespace: str, name: str) -> str:
    """What is found by the claim that it names."""
    return f"{namespace}/{name}"


def source_link(namespace: str, name: str) -> str:
    """What is found by the DataSource that it names."""
    return f"{namespace}/source:{name}"


def filling_link(namespace: str, kind: str, name: str) -> str:
    """What claims are found by that name a source."""
    return f"{namespace}/{kind}:{name}"


def worker_link(uid: str) -> str:
    """What the Pods that work for a claim, which may be in two namespaces, are found by."""
    return f"*/{uid}"


ALL = Everything()
