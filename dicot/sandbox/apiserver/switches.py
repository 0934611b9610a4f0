"""Faults that are set and cleared while the API server runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import msgspec
from msgspec import json
from twisted.internet.interfaces import IReactorTime

from .asked import Attributes, User
from .asking import Asking
from .faults import GOOD, Course, Stream
from .refusal import Refusal
from .rules import Rule, Sent, attributes, fits

_OF_OBJECTS = ("ADDED", "MODIFIED", "DELETED")
Identify = Callable[[Asking, Attributes], User]
"""Who asks for something. May raise Refusal."""


@dataclass(eq=False, slots=True)
class Switch:
    """A rule in force. ``met`` counts what matched, ``fired`` what something happened to."""

    id: str
    rule: Rule
    met: int = 0
    fired: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.rule.seed)

    def fires(self) -> bool:
        """Whether something happens to this one of those that match."""
        if self.rule.times and self.fired >= self.rule.times:
            return False
        self.met += 1
        if self.met % self.rule.every:
            return False
        if self.rule.chance < 1 and self._random.random() >= self.rule.chance:
            return False
        self.fired += 1
        return True

    def shown(self) -> dict[str, object]:
        """As JSON has it."""
        said: dict[str, object] = msgspec.to_builtins(self.rule)
        return {"id": self.id, "met": self.met, "fired": self.fired, **said}


class _Line(msgspec.Struct, frozen=True):
    type: str = ""
    object: Sent = Sent()


class _Flow:
    """The lines of a watch that is open."""

    def __init__(self, switches: "Switches", asking: Asking, stream: Stream) -> None:
        self.asking = asking
        self._switches = switches
        self._stream = stream
        self._holders: set[Switch] = set()
        self._held: list[bytes] = []
        self._left: int | None = None
        self._closed = False

    def meet(self, switch: Switch) -> None:
        """A switch fires while the watch is open."""
        effect = switch.rule.effect
        if effect.lose:
            self._stream.abort()
        elif effect.error is not None:
            self._stream.fail(effect.error.refusal().line())
        elif effect.cut is not None:
            self.limit(effect.cut)
        elif effect.hold:
            self._holders.add(switch)

    def limit(self, left: int) -> None:
        """So many bytes may still be sent."""
        self._left = left
        if left == 0:
            self._close()

    def release(self, switch: Switch) -> None:
        """A switch is gone."""
        self._holders.discard(switch)
        if not self._holders:
            held, self._held = self._held, []
            for line in held:
                for piece in self.pieces(line):
                    self._stream.write(piece)

    def pieces(self, line: bytes) -> list[bytes]:
        """See Flow."""
        if self._holders:
            self._held.append(line)
            return []
        return [piece for each in self._switches.events(self.asking, line) if (piece := self._cut(each))]

    def over(self) -> None:
        """See Flow."""
        self._switches.forget(self)

    def _cut(self, line: bytes) -> bytes:
        """What of it still may be sent."""
        if self._left is None:
            return line
        sent = line[: self._left]
        self._left -= len(sent)
        if self._left == 0:
            self._close()
        return sent

    def _close(self) -> None:
        # What these lines are written with is still to come.
        if not self._closed:
            self._closed = True
            self._switches.clock.callLater(0, self._stream.close)


class Switches:
    """All switches, in the order in which they were set: each may add its own to what happens. Requests of the paths
    under ``own`` are never met."""

    def __init__(self, identify: Identify, own: str, clock: IReactorTime) -> None:
        self.clock = clock
        self._identify = identify
        self._own = own
        self._switches: dict[str, Switch] = {}
        self._flows: list[_Flow] = []
        self._made = 0

    def set(self, rule: Rule) -> Switch:
        """Put a rule in force, for watches that are open also."""
        self._made += 1
        switch = self._switches[str(self._made)] = Switch(str(self._made), rule)
        for flow in self._flows.copy():
            if self._takes(switch, flow.asking, attributes(flow.asking)) and switch.fires():
                flow.meet(switch)
        return switch

    def clear(self, id: str) -> Switch | None:
        """Take a switch away, and let go of what it held; None where there is none."""
        switch = self._switches.pop(id, None)
        if switch is not None:
            for flow in self._flows.copy():
                flow.release(switch)
        return switch

    def one(self, id: str) -> Switch | None:
        """A switch in force."""
        return self._switches.get(id)

    def all(self) -> list[Switch]:
        """Those in force."""
        return list(self._switches.values())

    def course(self, asking: Asking) -> Course:
        """See Faults. What holds a watch is met once it follows."""
        course = GOOD
        if not self._switches or asking.path.startswith(self._own):
            return course
        asked = attributes(asking)
        for switch in self._switches.values():
            effect = switch.rule.effect
            if not effect.hold and self._takes(switch, asking, asked) and switch.fires():
                course = effect.bend(course)
        return course

    def follow(self, asking: Asking, course: Course, stream: Stream) -> _Flow:
        """See Faults."""
        flow = _Flow(self, asking, stream)
        self._flows.append(flow)
        if course.cut is not None:
            flow.limit(course.cut)
        asked = attributes(asking)
        for switch in self._switches.values():
            if switch.rule.effect.hold and self._takes(switch, asking, asked) and switch.fires():
                flow.meet(switch)
        return flow

    def events(self, asking: Asking, line: bytes) -> list[bytes]:
        """A line of a watch: not at all, once or more often."""
        lines = [line]
        if not self._switches:
            return lines
        asked = attributes(asking)
        found: _Line | None = None
        for switch in self._switches.values():
            rule = switch.rule
            if not rule.takes_events(asked) or not self._is_of(rule.match.user, asking, asked):
                continue
            found = found or json.decode(line, type=_Line)
            told = found.object.metadata
            if found.type in _OF_OBJECTS and rule.match.takes_event(told.namespace, told.name) and switch.fires():
                lines = [] if rule.effect.events == "lost" else [*lines, line]
        return lines

    def forget(self, flow: _Flow) -> None:
        """A watch has ended."""
        if flow in self._flows:
            self._flows.remove(flow)

    def _takes(self, switch: Switch, asking: Asking, asked: Attributes) -> bool:
        return switch.rule.takes(asking, asked) and self._is_of(switch.rule.match.user, asking, asked)

    def _is_of(self, pattern: str, asking: Asking, asked: Attributes) -> bool:
        """Whether such a user asks."""
        try:
            return not pattern or fits(pattern, self._identify(asking, asked).name)
        except Refusal:
            return False
