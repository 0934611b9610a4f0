"""Tests for L{dicot.sandbox.apiserver.switches}, rules, desk and clock, through the HTTP side."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest

from .lines import MAPS, NOBODY, Line, served

CREATES: Manifest = {"verbs": ["create"], "resource": "configmaps"}
WATCHES: Manifest = {"verbs": ["watch"], "resource": "configmaps"}
GONE: Manifest = {"code": 410, "reason": "Expired", "message": "too old"}


class RequestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.served = served()

    def test_a_delay_before_leaves_time_to_go(self) -> None:
        self.served.set({"before": 2}, match=CREATES)
        stays, leaves = self.served.make("stays"), self.served.make("leaves")
        self.served.clock.advance(1)
        leaves.leave()
        self.assertEqual((stays.code, self.served.has("stays")), (0, False))
        self.served.clock.advance(1)
        self.assertEqual((stays.code, self.served.has("stays")), (201, True))
        self.assertFalse(self.served.has("leaves"))

    def test_a_delay_after_comes_too_late_to_go(self) -> None:
        self.served.set({"after": 2}, match=CREATES)
        stays, leaves = self.served.make("stays"), self.served.make("leaves")
        leaves.leave()
        self.assertEqual((stays.code, self.served.has("stays"), self.served.has("leaves")), (0, True, True))
        self.served.clock.advance(2)
        self.assertEqual(stays.code, 201)

    def test_a_lost_request_is_not_carried_out(self) -> None:
        self.served.set({"lose": "request"}, match=CREATES)
        line = self.served.make("one")
        self.assertEqual((line.code, line.closed, self.served.has("one")), (0, True, False))

    def test_a_lost_answer_is_of_what_was_carried_out(self) -> None:
        self.served.set({"lose": "answer"}, match=CREATES)
        line = self.served.make("one")
        self.assertEqual((line.code, line.closed, self.served.has("one")), (0, True, True))

    def test_an_answer_is_cut(self) -> None:
        self.served.set({"cut": 10}, match=CREATES)
        line = self.served.make("one")
        self.assertEqual((line.code, line.closed, self.served.has("one")), (201, True, True))
        self.assertEqual(len(line.body), 10)
        self.assertNotIn("content-length: 10\r", line.head + "\r")

    def test_what_is_done_twice_answers_the_second_time(self) -> None:
        self.served.set({"twice": True}, match={"resource": "configmaps"})
        self.assertEqual(self.served.make("one").document["reason"], "AlreadyExists")
        self.assertTrue(self.served.has("one"))
        self.assertEqual(self.served.ask("DELETE", f"{MAPS}/one").code, 404)
        self.assertFalse(self.served.has("one"))

    def test_a_refusal_says_what_it_is_told_to(self) -> None:
        told = {"code": 429, "reason": "TooManyRequests", "message": "slowly", "retryAfter": 3}
        self.served.set({"refuse": told}, match=CREATES)
        line = self.served.make("one")
        self.assertEqual((line.code, self.served.has("one")), (429, False))
        self.assertIn("retry-after: 3", line.head)
        said = line.document
        self.assertEqual((said["kind"], said["reason"], said["message"]), ("Status", "TooManyRequests", "slowly"))
        self.assertEqual(said["details"], {"retryAfterSeconds": 3})

    def test_what_is_made_is_marked_for_the_node_side(self) -> None:
        self.served.set({"mark": "import"}, match={"resource": "configmaps", "name": "m*"}, times=2)
        self.served.ask("PUT", f"{MAPS}/m0", {"metadata": {"name": "m0"}})
        noted = {"metadata": {"name": "m1", "annotations": {"a": "b"}}}
        self.assertEqual(self.served.ask("POST", MAPS, noted).code, 201)
        for name in ("other", "m2", "m3"):
            self.served.make(name)
        found = {
            name: self.served.ask("GET", f"{MAPS}/{name}").document["metadata"].get("annotations")
            for name in ("m1", "other", "m2", "m3")
        }
        mark = {"sandbox.dicot.io/fault": "import"}
        self.assertEqual(found, {"m1": {"a": "b", **mark}, "other": None, "m2": mark, "m3": None})

    def test_what_is_no_map_is_refused_as_ever(self) -> None:
        body = {"metadata": {"name": "one", "annotations": ["a"]}}
        before = self.served.ask("POST", MAPS, body)
        self.served.set({"mark": "import"}, match=CREATES)
        self.assertEqual((before.code, self.served.ask("POST", MAPS, body).document), (400, before.document))

    def test_effects_add_up(self) -> None:
        self.served.set({"before": 1}, match=CREATES)
        self.served.set({"before": 1, "lose": "answer"}, match=CREATES)
        line = self.served.make("one")
        self.served.clock.advance(1)
        self.assertFalse(self.served.has("one"))
        self.served.clock.advance(1)
        self.assertEqual((line.closed, self.served.has("one")), (True, True))


class RuleTests(SynchronousTestCase):
    """Which requests are met."""

    def setUp(self) -> None:
        self.served = served()

    def met(self, count: int, **rule: object) -> list[int]:
        """Which of so many creates are refused."""
        id = self.served.set({"refuse": {"code": 503}}, **rule)
        found = [place for place in range(1, count + 1) if self.served.make(f"n{id}-{place}").code == 503]
        self.served.ask("DELETE", f"/sandbox/faults/{id}")
        return found

    def test_every_nth_and_only_so_often(self) -> None:
        self.assertEqual(self.met(6, match=CREATES, every=2), [2, 4, 6])
        self.assertEqual(self.met(6, match=CREATES, times=2), [1, 2])
        self.assertEqual(self.met(6, match=CREATES, every=3, times=1), [3])

    def test_chance_begins_with_its_seed(self) -> None:
        found = self.met(40, match=CREATES, chance=0.5, seed=7)
        self.assertTrue(5 < len(found) < 35)
        self.assertEqual(self.met(40, match=CREATES, chance=0.5, seed=7), found)
        self.assertNotEqual(self.met(40, match=CREATES, chance=0.5, seed=8), found)

    def test_what_a_match_says(self) -> None:
        good: tuple[Manifest, ...] = (
            {},
            {"group": ""},
            {"subresource": ""},
            {"namespace": "def*"},
            {"name": "n?*-?"},
            {"name": "n*-1"},
            {"user": "adm*"},
            {"dry": False},
            {"path": ""},
        )
        bad: tuple[Manifest, ...] = (
            {"group": "apps"},
            {"verbs": ["patch"]},
            {"resource": "secrets"},
            {"subresource": "status"},
            {"namespace": "demo"},
            {"name": "other"},
            {"user": "nobody"},
            {"dry": True},
            {"path": "/version"},
        )
        for match in good:
            self.assertEqual(self.met(1, match=match), [1], str(match))
        for match in bad:
            self.assertEqual(self.met(1, match=match), [], str(match))

    def test_a_dry_run_is_no_write(self) -> None:
        self.served.set({"refuse": {"code": 503}}, match={**CREATES, "dry": True})
        dry = self.served.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "dry"}})
        self.assertEqual((dry.code, self.served.make("wet").code), (503, 201))

    def test_paths_that_are_no_resources(self) -> None:
        self.served.set({"refuse": {"code": 503}}, match={"path": "/apis*"})
        self.assertEqual([self.served.ask("GET", path).code for path in ("/apis", "/readyz")], [503, 200])

    def test_it_is_counted_what_was_met(self) -> None:
        id = self.served.set({"refuse": {"code": 503}}, match=CREATES, every=2)
        for place in range(5):
            self.served.make(f"n{place}")
        found = self.served.ask("GET", f"/sandbox/faults/{id}").document
        self.assertEqual((found["id"], found["met"], found["fired"], found["every"]), (id, 5, 2, 2))
        self.assertEqual(self.served.ask("GET", "/sandbox/faults").document["items"], [found])


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.served = served()

    def watch(self, query: str = "") -> Line:
        version = self.served.parts.storage.version
        return self.served.ask("GET", f"{MAPS}?watch=1&resourceVersion={version}{query}")

    def test_lines_are_held_in_order_until_they_are_let_go(self) -> None:
        watch = self.watch()
        id = self.served.set({"hold": True}, match=WATCHES)
        self.served.make("one")
        later = self.watch()
        self.served.make("two")
        self.assertEqual((watch.names, later.names), ([], []))
        self.served.ask("DELETE", f"/sandbox/faults/{id}")
        self.served.make("three")
        self.assertEqual((watch.names, later.names), (["one", "two", "three"], ["two", "three"]))

    def test_two_holders_hold_until_the_second_goes(self) -> None:
        watch = self.watch()
        ids = [self.served.set({"hold": True}, match=WATCHES) for _ in range(2)]
        self.served.make("one")
        self.served.ask("DELETE", f"/sandbox/faults/{ids[0]}")
        self.assertEqual(watch.names, [])
        self.served.ask("DELETE", "/sandbox/faults")
        self.assertEqual(watch.names, ["one"])

    def test_watches_are_cut_off_open_or_new(self) -> None:
        watch = self.watch()
        self.served.set({"lose": "answer"}, match=WATCHES, times=2)
        self.assertTrue(watch.closed)
        again = self.watch()
        self.assertEqual((again.closed, again.code), (True, 0))
        self.assertFalse(self.watch().closed)

    def test_watches_end_in_the_midst_of_a_line(self) -> None:
        for early in (True, False):
            id = "" if early else self.served.set({"cut": 30}, match=WATCHES)
            watch = self.watch()
            id = id or self.served.set({"cut": 30}, match=WATCHES)
            self.served.make(f"one{early}".lower())
            self.served.clock.advance(0)
            self.assertEqual((len(watch.body), watch.closed), (30, True))
            self.served.ask("DELETE", f"/sandbox/faults/{id}")

    def test_watches_end_with_an_error_open_or_new(self) -> None:
        watch = self.watch()
        self.served.make("one")
        self.served.set({"error": GONE}, match=WATCHES)
        for line, before in ((watch, 1), (self.watch(), 0)):
            last = json.loads(line.body.splitlines()[before])
            self.assertEqual((last["type"], last["object"]["code"]), ("ERROR", 410))
            self.assertTrue(line.transport.value().endswith(b"0\r\n\r\n"))
        self.served.make("two")
        self.assertNotIn(b"two", watch.body)

    def test_a_watch_is_refused(self) -> None:
        self.served.set({"refuse": GONE}, match=WATCHES)
        self.assertEqual(self.watch().document["reason"], "Expired")

    def test_events_are_lost_and_doubled(self) -> None:
        watch = self.watch()
        self.served.set({"events": "lost"}, match={**WATCHES, "namespace": "default", "name": "a*"})
        self.served.set({"events": "doubled"}, match={**WATCHES, "name": "b"})
        for name in ("a1", "b", "c", "a2"):
            self.served.make(name)
        self.assertEqual(watch.names, ["b", "b", "c"])

    def test_who_left_is_forgotten(self) -> None:
        watch = self.watch()
        id = self.served.set({"hold": True}, match=WATCHES)
        watch.leave()
        self.served.make("one")
        self.assertEqual(self.served.ask("DELETE", f"/sandbox/faults/{id}").code, 200)
        self.assertEqual(watch.names, [])


class DeskTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.served = served()

    def test_only_who_may_sets_faults(self) -> None:
        rule = {"effect": {"before": 1}}
        for method, path, body in (
            ("POST", "/sandbox/faults", rule),
            ("GET", "/sandbox/faults", None),
            ("DELETE", "/sandbox/faults", None),
            ("PUT", "/sandbox/clock", {"offset": 1}),
        ):
            self.assertEqual(self.served.ask(method, path, body, token=NOBODY).code, 403, f"{method} {path}")
            self.assertEqual(self.served.ask(method, path, body, token="forged").code, 401, f"{method} {path}")

    def test_faults_never_meet_their_own_paths(self) -> None:
        self.served.set({"refuse": {"code": 503}})
        self.assertEqual(self.served.ask("GET", "/readyz").code, 503)
        self.assertEqual(self.served.ask("DELETE", "/sandbox/faults").code, 200)
        self.assertEqual(self.served.ask("GET", "/readyz").code, 200)

    def test_what_makes_no_sense_is_refused(self) -> None:
        for body, text in (
            ({}, "missing required field `effect`"),
            ({"effect": {}}, "must have something"),
            ({"effect": {"before": 1}, "evry": 2}, "evry"),
            ({"effect": {"before": 1}, "every": 0}, "every is 1"),
            ({"effect": {"before": 1, "events": "lost"}}, "of events or of requests"),
            ({"effect": {"hold": True}, "match": {"verbs": ["list"]}}, "only their verb"),
            ({"effect": {"mark": "import"}, "match": {"verbs": ["patch"]}}, "only the verb of that"),
            ({"effect": {"mark": "imports"}}, "Invalid enum value 'imports'"),
        ):
            answer = self.served.ask("POST", "/sandbox/faults", body)
            self.assertEqual(answer.code, 400, str(body))
            self.assertIn(text, answer.document["message"])
        self.assertEqual(self.served.ask("GET", "/sandbox/faults").document, {"items": []})

    def test_what_is_not_there(self) -> None:
        for method, path, code in (
            ("GET", "/sandbox/faults/7", 404),
            ("DELETE", "/sandbox/faults/7", 404),
            ("GET", "/sandbox/other", 404),
            ("GET", "/sandbox", 404),
            ("PUT", "/sandbox/faults", 405),
        ):
            self.assertEqual(self.served.ask(method, path).code, code, f"{method} {path}")

    def test_the_clock_is_put_forward(self) -> None:
        before = self.served.ask("GET", "/readyz")
        self.assertEqual(self.served.ask("PUT", "/sandbox/clock", {"offset": 86400}).document, {"offset": 86400})
        self.assertEqual(self.served.ask("GET", "/sandbox/clock").document, {"offset": 86400})
        after = self.served.ask("GET", "/readyz")
        self.assertIn("date: tue, 14 nov 2023", before.head)
        self.assertIn("date: wed, 15 nov 2023", after.head)
        made = self.served.make("one").document["metadata"]["creationTimestamp"]
        self.assertTrue(made.startswith("2023-11-15"), made)
