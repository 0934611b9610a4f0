"""What is registered at one method and url."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from .call import Bodies, Call, Reply
from .dialect import Version


@dataclass(frozen=True, slots=True)
class Variant:
    """An operation for a range of versions, both ends included."""

    operation: Callable[[Call[Any]], Reply | Awaitable[Reply]]
    policy: str | None
    bodies: Bodies[Any]
    since: Version
    until: Version

    def decode(self, content: object, version: Version) -> Any:
        """The body as the operation wants it: the last decoder whose version is not above this one."""
        known = [decoder for since, decoder in self.bodies if since <= version]
        return known[-1](content)


class Variants:
    """The operations of one route or one action, told apart by version."""

    def __init__(self) -> None:
        self._all: list[Variant] = []

    def add(self, variant: Variant, lowest: Version) -> None:
        """Raises ValueError where two would serve one version, or a version would find no decoder."""
        for other in self._all:
            if variant.since <= other.until and other.since <= variant.until:
                raise ValueError(f"{other.operation} already serves versions of {variant.operation}")
        starts = [since for since, _ in variant.bodies]
        if starts != sorted(starts) or (starts and starts[0] > max(lowest, variant.since)):
            raise ValueError(f"the bodies of {variant.operation} do not ascend from its first version")
        self._all.append(variant)

    def __len__(self) -> int:
        return len(self._all)

    def at(self, version: Version) -> Variant | None:
        """The one that serves a version."""
        for variant in self._all:
            if variant.since <= version <= variant.until:
                return variant
        return None

    @property
    def public(self) -> bool:
        """Whether no token is asked for, at any version."""
        return all(variant.policy is None for variant in self._all)


@dataclass(frozen=True, slots=True)
class Route:
    """One method and url, with plain operations or with actions."""

    method: str
    url: str
    plain: Variants = field(default_factory=Variants)
    actions: dict[str, Variants] = field(default_factory=dict)

    @property
    def public(self) -> bool:
        """Whether no token is asked for."""
        return not self.actions and self.plain.public
