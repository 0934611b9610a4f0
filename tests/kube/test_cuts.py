"""A watch that is cut at any byte: after resuming, the store is what the server has.

A few hundred places by default; with ``DICOT_LONG`` every byte of 1 MB, each cut on a resumed watch.
"""

import random
from collections.abc import Iterator
from typing import Any

from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from tests.length import IS_LONG

from .scripted import Asked, ReflectorTestCase
from .things import bookmark, event, thing

SIZE = 1_000_000
SEED = 20261121
SAMPLE = 400
Object = dict[str, Any]


class History:
    """What happened at a server: events in order, and the state after each."""

    def __init__(self, dice: random.Random, size: int) -> None:
        self.initial: dict[str, Object] = {}
        self.lines: list[tuple[int, bytes]] = []
        self._dice = dice
        self._version = 1000
        self._state: dict[str, Object] = {}
        for number in range(12):
            self._create(f"vm-{number:02}")
        self.initial = dict(self._state)
        self.begin = self._version
        self.states = {self.begin: self.versions()}
        while sum(len(line) for _, line in self.lines) < size:
            self._happen()

    def versions(self) -> dict[str, tuple[str, str]]:
        """uid and version by name."""
        return {
            name: (each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for name, each in self._state.items()
        }

    def after(self, version: int) -> bytes:
        """What a watch from that version sends."""
        return b"".join(line + b"\n" for at, line in self.lines if at > version)

    def opening(self) -> bytes:
        """What a streamed list sends before it goes on."""
        lines = [*[event("ADDED", each) for each in self.initial.values()], bookmark(self.begin, end=True)]
        return b"".join(line + b"\n" for line in lines)

    def _happen(self) -> None:
        name = f"vm-{self._dice.randrange(30):02}"
        chance = self._dice.random()
        if chance < 0.08:
            self._version += self._dice.randint(1, 50)
            self._note(bookmark(self._version))
        elif name not in self._state:
            self._note(event("ADDED", self._create(name)))
        elif chance < 0.2:
            self._version += 1
            gone = self._with_version(self._state.pop(name))
            self._note(event("DELETED", gone))
        else:
            self._version += self._dice.randint(1, 3)
            changed = self._with_version(self._state[name])
            changed["spec"]["size"] += 1
            changed["status"]["conditions"][0]["message"] = self._text()
            self._state[name] = changed
            self._note(event("MODIFIED", changed))

    def _note(self, line: bytes) -> None:
        # Kubernetes sends what it can as UTF-8, where Python's json escapes it.
        self.lines.append((self._version, line.replace(b"\\u00e9", "é".encode()).replace(b"\\u20ac", "€".encode())))
        self.states[self._version] = self.versions()

    def _with_version(self, old: Object) -> Object:
        metadata = {**old["metadata"], "resourceVersion": str(self._version)}
        status = {**old["status"], "conditions": [dict(each) for each in old["status"]["conditions"]]}
        return {**old, "metadata": metadata, "spec": dict(old["spec"]), "status": status}

    def _create(self, name: str) -> Object:
        """A virtual machine, by its looks."""
        self._version += 1
        made = thing(name, self._version, uid=f"uid-{name}-{self._version}", home="r1")
        made["metadata"]["annotations"]["dicot.io/name"] = "Caf\u00e9 \u20ac5"
        fields: Object = {f"f:field{number}": {"f:nested": {}, ".": {}} for number in range(60)}
        made["metadata"]["managedFields"] = [{"manager": "virt-controller", "fieldsV1": {"f:status": fields}}] * 2
        made["spec"]["template"] = {"spec": {"domain": {"devices": {"disks": [{"name": f"d{n}"} for n in range(8)]}}}}
        made["status"] = {"conditions": [{"type": "Ready", "status": "False", "message": self._text()}]}
        self._state[name] = made
        return made

    def _text(self) -> str:
        return "".join(self._dice.choices('abc "{}\\\u00e9\u20ac', k=self._dice.randint(5, 60)))


class CutTests(ReflectorTestCase):
    """One reflector, and a server that never sends much more than the time before."""

    def setUp(self) -> None:
        super().setUp()
        self.dice = random.Random(SEED)

    def test_cut_in_the_initial_state(self) -> None:
        history = History(self.dice, 0)
        opening = history.opening()
        for offset in self.offsets(len(opening)):
            self.send(self.asked, opening[:offset])
            self.assertEqual((len(self.store), self.store.version), (0, ""))
            self.lose(self.asked)
        self.send(self.asked, opening)
        self.assert_equals(history, history.begin)

    def test_cut_in_the_watch(self) -> None:
        history = History(self.dice, SIZE)
        self.send(self.asked, history.opening())
        self.lose(self.asked)
        done = 0
        for version, line in history.lines:
            whole = line + b"\n"
            for offset in self.offsets(len(whole), len(history.lines)):
                self.send(self.asked, whole[:offset])
                self.lose(self.asked)
                done += 1
            watch = self.asked
            self.send(watch, whole)
            self.assert_equals(history, version)
            self.audited(history, version)
            self.lose(watch)
        self.assertGreaterEqual(done, SAMPLE)

    def test_cut_anywhere_and_resumed_to_the_end(self) -> None:
        history = History(self.dice, SIZE // 10)
        opening = history.opening()
        stream = opening + history.after(history.begin)
        for offset in sorted(self.dice.sample(range(len(stream)), 60)):
            self.restart()
            self.send(self.asked, stream[:offset])
            self.lose(self.asked)
            self.serve(self.asked, history)
            self.assert_equals(history, history.lines[-1][0])

    def offsets(self, length: int, shares: int = 1) -> Iterator[int]:
        """Where to cut a text of that length."""
        if IS_LONG:
            yield from range(length)
        else:
            count = min(length, SAMPLE // shares + 1)
            yield from sorted(self.dice.sample(range(length), count))

    def send(self, asked: Asked, text: bytes) -> None:
        """Answer in two chunks."""
        middle = self.dice.randint(0, len(text))
        asked.accept()
        asked.send(text[:middle])
        asked.send(text[middle:])

    def lose(self, asked: Asked) -> None:
        """End it, in one way or the other, and wait for the next request."""
        before = self.count
        if self.dice.random() < 0.5:
            asked.cut()
        else:
            asked._lose(Failure(ResponseDone()))
        self.clock.advance(61)
        self.assertEqual(self.count, before + 1)
        del self.agent.asked[:-1]

    def audited(self, history: History, version: int) -> None:
        """Answer the audit, if there is one: hours pass here."""
        if "Exact" in self.asked.query.values():
            self.asked.list(version, *[thing(n, v, uid=uid) for n, (uid, v) in history.states[version].items()])
            self.assertEqual(self.reflector.health().divergences, 0)

    def serve(self, asked: Asked, history: History) -> None:
        """Answer as the server would."""
        if "sendInitialEvents" in asked.query:
            self.send(asked, history.opening() + history.after(history.begin))
        else:
            self.send(asked, history.after(int(asked.query["resourceVersion"])))

    def restart(self) -> None:
        """A new reflector for a new store."""
        self.stop(self.reflector)
        self.store = self.new_store()
        self.reflector = self.reflect(self.store)
        self.reflector.start()

    def assert_equals(self, history: History, version: int) -> None:
        """Store and server agree, in all that can be found."""
        expected = history.states[version]
        self.assertEqual(self.store.version, str(version))
        self.assertEqual({row.name: (row.uid, row.version) for row in self.store.rows()}, expected)
        self.assertEqual({row.name for row in self.store.linked("red/r1")}, expected.keys())
        for name, (uid, _) in expected.items():
            found = self.store.by_id("red", uid)
            self.assertEqual(found and found.name, name)
