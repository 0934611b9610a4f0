"""Fuzzed requests over all routes: never a 500, never an error in the log, never a reactor that stands still (G9).

A few thousand by default, a million with ``DICOT_LONG``; ``DICOT_SEED`` repeats others than usual.
"""

from __future__ import annotations

import gc
import os
import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import _NameEncoder

from dicot.cloud.callers import gate, tokens
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.cloud.writing import events
from dicot.kube import graves
from tests.compute.bodies.values import A
from tests.compute.server.objects import claim_object, disk_object, image_object
from tests.fuzz import Fuzz
from tests.length import IS_LONG
from tests.whole import Whole

REQUESTS = 1_000_000 if IS_LONG else 2_000
SEED = int(os.environ.get("DICOT_SEED") or 20261126)
STALL = 0.05
"""Seconds of work that one request may keep others waiting."""
AGAIN = 5
"""How often a request that took longer is tried: only one that always does so is at fault, not the machine."""
TIDY = 500
"""Requests after which what they have made is cleared away."""
MOST = 40
"""Objects of each kind that are left then."""
FEW = 200
"""Tokens that are remembered, of each kind deletions, sorts of Events, names of headers."""
GROWN = 10_000
"""kB that the memory may grow by from the first tenth of a million on."""


class FuzzTests(SynchronousTestCase):
    def setUp(self) -> None:
        # What may grow is full early on, so that it hides nothing that grows on and on.
        for owner, limit in (
            *((tokens, "_CACHED"), (gate, "_REMEMBERED"), (graves, "MOST"), (events, "MOST_KNOWN")),
            (_NameEncoder, "_MAX_CACHED_HEADERS"),
        ):
            self.patch(owner, limit, FEW)
        self.whole = Whole(["demo", "other"])
        self.whole.furnish()
        for kind, found in ((DATA_SOURCE, image_object(id=A)), (DATA_VOLUME, disk_object()), (PVC, claim_object())):
            found["metadata"] |= {"name": "image-a", "uid": f"uid-{kind.plural}-a"}
            if "source" in found["spec"]:
                found["spec"]["source"]["pvc"]["name"] = "image-a"
            self.whole.put(kind, found)
        self.first = set(self.whole.kube.objects)
        self.dice = Random(SEED)
        self.codes: Counter[int] = Counter()
        self.longest = 0.0
        self.fuzz = self.begin()

    def begin(self) -> Fuzz:
        """With tokens that nobody has revoked yet."""
        tokens, subjects = ([self.whole.token(user) for user in ("demo", "admin", "other")] for _ in range(2))
        return Fuzz(self.dice, self.whole.apis, tokens, subjects)

    def test_no_request_breaks_anything(self) -> None:
        began, memory = time.perf_counter(), list[int]()
        for number in range(REQUESTS):
            if number % TIDY == 0:
                self.tidy()
            if number % (REQUESTS // 10) == 0 and number:
                memory.append(self.memory())
                self.say(f"{number} requests in {time.perf_counter() - began:.0f} s: {memory[-1]} kB")
            data, is_whole = self.fuzz.request()
            self.check(data, is_whole, *self.send(data))
        memory.append(self.memory())
        self.assertEqual(self.flushLoggedErrors(), [])
        print(
            f"\n{REQUESTS} requests of seed {SEED} in {time.perf_counter() - began:.0f} s: "
            f"{dict(sorted(self.codes.items()))}; longest {self.longest * 1000:.0f} ms; "
            f"kB of memory after each tenth {memory}",
            flush=True,
        )
        if IS_LONG:
            self.assertLess(memory[-1] - memory[0], GROWN)
        self.assertGreater(self.codes[200], REQUESTS // 20)
        self.assertGreater(self.codes[202], REQUESTS // 1000)

    def say(self, text: str) -> None:
        """How far a long run has come."""
        if IS_LONG:
            print(f"\n{text}", end="", flush=True)

    def memory(self) -> int:
        """What the process has in RAM, in kB, beside its programs, once nothing is left to be collected."""
        self.tidy()
        gc.collect()
        [said] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:")]
        return int(said.split()[1])

    def send(self, data: bytes) -> tuple[bytes, float]:
        """In two pieces; what is answered, and the seconds of work that the longer one was."""
        wire, cut, longest = self.whole.wire(), self.dice.randrange(len(data) or 1), 0.0
        for piece in (data[:cut], data[cut:]):
            began, aside = time.thread_time(), self.whole.aside
            wire.send(piece)
            self.whole.clock.advance(0)
            longest = max(longest, time.thread_time() - began - (self.whole.aside - aside))
        for _ in range(60):
            if wire.transport.value():
                break
            self.whole.clock.advance(0.05)
        answer: bytes = wire.transport.value()
        wire.leave()
        return answer, longest

    def check(self, data: bytes, is_whole: bool, answer: bytes, stall: float) -> None:
        for each in answer.split(b"HTTP/1.1 ")[1:]:
            code = int(each[:3])
            self.codes[code] += 1
            self.assertTrue(code < 500 or code == 505, (data, each))
        if is_whole:
            self.assertIn(b"HTTP/1.1 ", answer, data)
        errors = self.flushLoggedErrors()
        self.assertEqual([error.getTraceback() for error in errors], [], data)
        if stall > STALL:
            stall = min(stall, *(self.send(data)[1] for _ in range(AGAIN)))
            self.assertLess(stall, STALL, data)
        self.longest = max(self.longest, stall)

    def tidy(self) -> None:
        """Of what was made no more than the youngest, fresh tokens, and nothing kept of what was asked."""
        kube = self.whole.kube
        made: defaultdict[str, list[Any]] = defaultdict(list)
        for key, body in kube.objects.items():
            if key not in self.first:
                made[key.plural].append((int(body["metadata"]["resourceVersion"]), key))
        for plural, found in made.items():
            for _, key in sorted(found)[:-MOST]:
                if key in kube.objects:
                    kube.remove(plural, key.namespace, key.name)
        # Trial keeps each warning: of names that Twisted compares with those of texts, where other tests had such.
        self.flushWarnings()
        kube.calls.clear()
        kube.asked.clear()
        self.whole.records.clear()
        self.fuzz = self.begin()
        ids = [row.id for store in self.whole.stores.values() for row in store.rows()]
        servers = [row.id for row in self.whole.stores[VM].rows("demo")] or [self.server()]
        self.fuzz.ids = [*ids[-20:], *(servers * 30)[:30], A, "a", "private", "web1", "1", "x"]

    def server(self) -> str:
        """The id of one."""
        body = {"server": {"name": "a", "flavorRef": "1", "imageRef": A}}
        answer = self.whole.ask("POST", "/compute/v2.1/servers", body, token=self.whole.token("demo"))
        return str(answer.json["server"]["id"])
