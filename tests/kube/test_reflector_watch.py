"""Rules 11 to 24: what comes in a watch."""

from dicot.kube.stream import FULL

from .scripted import Asked, ReflectorTestCase
from .things import added, bookmark, deleted, error, event, modified, thing


class EventTests(ReflectorTestCase):
    """Rules 11 to 15: events."""

    def test_rule_11_lines_cut_within_a_character(self) -> None:
        watch = self.sync()
        manifest = thing("a", 11)
        manifest["metadata"]["annotations"]["dicot.io/name"] = "Bär €"
        line = event("ADDED", manifest).decode("unicode_escape").encode("utf-8") + b"\n"
        for at in range(len(line)):
            watch.send(line[at : at + 1])
        row = self.store.one("red", "a")
        assert row is not None
        self.assertEqual(self.store.read(row).metadata.annotations["dicot.io/name"], "Bär €")

    def test_rule_11_several_lines_and_half_a_one(self) -> None:
        watch = self.sync()
        watch.send(added("a", 11) + b"\n" + added("b", 12) + b"\n" + added("c", 13)[:100])
        self.assertEqual((self.names(), self.store.version), (["a", "b"], "12"))
        watch.send(added("c", 13)[100:] + b"\n")
        self.assertEqual(self.names(), ["a", "b", "c"])

    def test_rule_11_a_line_of_more_than_an_object_in_etcd(self) -> None:
        watch = self.sync()
        manifest = thing("a", 11)
        manifest["status"]["blob"] = "x" * 3_000_000
        line = event("ADDED", manifest) + b"\n"
        for at in range(0, len(line), 65536):
            watch.send(line[at : at + 65536])
        self.assertEqual(self.names(), ["a"])

    def test_rule_11_a_line_beyond_all_measure_is_a_broken_stream(self) -> None:
        watch = self.sync()
        for _ in range(65):
            watch.send(b"x" * 2**20)
        self.assertTrue(watch.wire.aborted)
        self.assertEqual(self.next().query["resourceVersion"], "10")

    def test_rule_12_objects_come_change_and_go(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 11), modified("a", 12, size=2), deleted("a", 13))
        self.assertEqual((self.names(), self.store.version), ([], "13"))
        self.assertEqual([len(step) for step in self.told], [3])

    def test_rule_12_a_new_uid_is_another_object(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 11, uid="one"), modified("a", 12, uid="two"))
        uids = [(change.old and change.old.uid, change.new and change.new.uid) for change in self.told[0]]
        self.assertEqual(uids, [(None, "one"), ("one", None), (None, "two")])

    def test_rule_12_of_a_bookmark_only_the_version_counts(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(bookmark(99))
        self.assertEqual((self.names(), self.store.version, self.told), (["a"], "99", []))

    def test_rule_12_unknown_types_are_counted_and_passed_over(self) -> None:
        watch = self.sync()
        watch.lines(event("RENAMED", thing("a", 11)), added("b", 12))
        self.assertEqual((self.names(), self.reflector.health().unknown), (["b"], 1))

    def test_rule_13_types_are_taken_with_a_grain_of_salt(self) -> None:
        watch = self.sync()
        watch.lines(modified("a", 11), added("a", 12, size=2), deleted("b", 13))
        self.assertEqual(([row.version for row in self.store.rows()], self.store.version), (["12"], "13"))

    def test_rule_13_what_is_not_newer_is_dropped_and_counted(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 12), modified("a", 11, size=11), modified("a", 12, size=12))
        self.assertEqual([row.version for row in self.store.rows()], ["12"])
        self.assertEqual(self.reflector.health().duplicates, 2)

    def test_rule_14_whole_kinds_are_watched(self) -> None:
        self.sync().end()
        for asked in self.agent.asked:
            self.assertFalse({"labelSelector", "fieldSelector"} & asked.query.keys())

    def test_rule_14_what_left_the_view_may_come_back(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(deleted("a", 11), added("a", 12))
        self.assertEqual(self.names(), ["a"])

    def test_rule_15_the_version_moves_with_each_event_that_was_applied(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 11), added("b", 12), b'{"type":')
        self.assertEqual((self.names(), self.next().query["resourceVersion"]), (["a", "b"], "12"))

    def test_rule_15_the_version_does_not_move_with_initial_events(self) -> None:
        self.asked.accept()
        self.asked.lines(added("a", 70), added("b", 20))
        self.assertEqual(self.store.version, "")
        self.asked.cut()
        self.assertNotIn("resourceVersion", self.next().query)

    def test_one_object_that_does_not_fit_stops_nothing(self) -> None:
        watch = self.sync()
        watch.lines(added("bad", 11, size="large"), added("good", 12))
        self.assertEqual((self.names(), self.store.version, self.reflector.health().skipped), (["good"], "12", 1))


class EndTests(ReflectorTestCase):
    """Rules 16 to 22: how a watch ends, and what follows."""

    def test_rule_16_an_expired_version_is_listed_anew_at_the_last_one(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(bookmark(15), error(410, "Expired", message="too old resource version"))
        self.assertTrue(watch.wire.aborted)
        self.assertEqual((self.count, self.asked.query["resourceVersion"]), (2, "15"))
        self.assertIn("sendInitialEvents", self.asked.query)
        self.assertEqual((self.names(), self.reflector.health().gone), (["a"], 1))

    def test_rule_16_and_where_that_is_refused_too_at_the_newest(self) -> None:
        self.sync().lines(error(410, "Expired"))
        self.asked.accept()
        self.asked.lines(error(410, "Gone"))
        self.assertNotIn("resourceVersion", self.asked.query)
        self.asked.stream(99, thing("a", 98))
        self.assertEqual((self.names(), self.store.version), (["a"], "99"))

    def test_rule_16_later_lists_are_content_with_less_again(self) -> None:
        self.sync().lines(error(410, "Expired"))
        self.asked.refuse(410, "Expired")
        self.asked.accept()
        self.asked.lines(bookmark(99, end=True), error(400, "BadRequest"))
        self.assertIn("sendInitialEvents", self.next().query)
        self.assertEqual(self.asked.query["resourceVersion"], "99")

    def test_rule_16_a_third_refusal_rests(self) -> None:
        self.sync().lines(error(410, "Expired"))
        self.asked.refuse(410, "Expired")
        self.asked.refuse(410, "Expired")
        self.assertEqual((self.count, self.state()), (3, "resting"))
        self.next()

    def test_rule_17_the_status_of_a_watch_may_say_so(self) -> None:
        self.sync().end()
        self.clock.advance(0.8)
        self.asked.refuse(410, "Gone")
        self.assertIn("sendInitialEvents", self.asked.query)
        self.assertEqual(self.asked.query["resourceVersion"], "10")

    def test_rule_17_the_status_of_a_list_may_say_so(self) -> None:
        self.sync().lines(error(410, "Expired"))
        self.asked.refuse(410, "Expired")
        self.assertNotIn("resourceVersion", self.asked.query)

    def test_rule_17_the_reason_alone_says_so(self) -> None:
        self.sync().lines(error(500, "Expired"))
        self.assertIn("sendInitialEvents", self.asked.query)

    def test_rule_18_too_many_requests_rest_and_resume(self) -> None:
        self.sync().lines(error(429, "TooManyRequests", retry=3))
        self.clock.advance(2.9)
        self.assertEqual(self.count, 1)
        self.clock.advance(0.1)
        self.assertEqual(self.resumes_at(), "10")

    def test_rule_18_a_server_s_fault_resumes(self) -> None:
        self.sync().lines(error(500, "InternalError"))
        self.next()
        self.assertEqual(self.resumes_at(), "10")

    def test_rule_18_faults_without_end_lead_to_a_list(self) -> None:
        self.sync().lines(error(500, "InternalError"))
        for _ in range(20):
            before = self.count
            self.clock.pump([1.0] * 31)
            self.assertEqual(self.count, before + 1)
            if "sendInitialEvents" in self.asked.query:
                break
            self.assertLess(self.clock.seconds(), 150)
            self.asked.accept()
            self.asked.lines(error(504, "Timeout"))
        self.assertGreaterEqual(self.clock.seconds(), 60)
        self.assertEqual(self.asked.query["resourceVersion"], "10")

    def test_rule_18_faults_between_which_the_watch_works_do_not_add_up(self) -> None:
        watch = self.sync()
        for version in range(11, 20):
            watch.lines(error(500, "InternalError"))
            self.clock.pump([1.0] * 61)
            self.assertEqual(self.resumes_at(), str(version - 1))
            watch = self.asked
            watch.accept()
            watch.lines(bookmark(version))

    def test_rule_18_a_status_is_no_object(self) -> None:
        watch = self.sync()
        watch.lines(error(500, "InternalError"))
        self.assertEqual((self.names(), self.store.version), ([], "10"))

    def test_rule_18_a_refusal_in_the_stream_is_one_like_any_other(self) -> None:
        self.sync().lines(error(403, "Forbidden"))
        self.assertEqual(self.state(), "not permitted")

    def test_rule_19_a_server_that_is_behind_is_asked_again(self) -> None:
        self.is_behind()
        self.clock.advance(1.9)
        self.assertEqual(self.count, 2)
        self.clock.advance(0.1)
        self.assertEqual(self.resumes_at(), "10")

    def test_rule_19_and_after_a_second_refusal_believed(self) -> None:
        self.is_behind()
        self.clock.advance(2)
        self.asked.refuse(504, "Timeout", retry=1, causes=("Too large resource version",))
        self.assertIn("sendInitialEvents", self.asked.query)
        self.assertNotIn("resourceVersion", self.asked.query)
        self.asked.stream(7, thing("a", 6))
        self.assertEqual((self.names(), self.store.version), (["a"], "7"))

    def test_rule_20_the_end_of_a_watch_is_no_failure(self) -> None:
        watch = self.sync()
        self.clock.advance(60)
        watch.lines(bookmark(17))
        watch.end()
        self.assertEqual(self.resumes_at(), "17")
        self.assertEqual((self.count, self.reflector.health().cuts), (2, 0))

    def test_rule_20_one_without_events_neither(self) -> None:
        self.sync().end()
        self.next().accept()
        self.clock.advance(1.0)
        self.asked.end()
        self.assertEqual((self.count, self.resumes_at()), (3, "10"))

    def test_rule_20_an_end_at_once_is_one(self) -> None:
        self.sync().end()
        self.assertEqual((self.count, self.state()), (1, "resting"))
        self.next().accept()
        self.asked.end()
        self.assertEqual(self.count, 2)
        self.clock.advance(1.6)
        self.assertEqual(self.count, 3)

    def test_rule_21_what_has_no_newline_is_not_parsed(self) -> None:
        watch = self.sync()
        self.clock.advance(5)
        watch.send(added("a", 11))
        watch.end()
        self.assertEqual((self.names(), self.resumes_at()), ([], "10"))

    def test_rule_21_what_is_no_json_breaks_the_stream(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 11), b"null", added("b", 12))
        self.assertTrue(watch.wire.aborted)
        self.assertEqual(self.names(), ["a"])
        self.next()
        self.assertEqual(self.resumes_at(), "11")

    def test_rule_22_a_watch_lasts_five_to_ten_minutes_by_chance(self) -> None:
        lasts = [self.asked.query["timeoutSeconds"]]
        self.sync()
        for self.chance in (0.5, 0.999):
            self.clock.advance(2)
            self.asked.end()
            self.asked.accept()
            lasts.append(self.asked.query["timeoutSeconds"])
        self.assertEqual(lasts, ["300", "450", "599"])

    def is_behind(self) -> None:
        self.sync().end()
        self.next().refuse(504, "Timeout", retry=2, causes=("Too large resource version",))

    def resumes_at(self) -> str:
        """The version that a mere watch was asked for, last."""
        self.assertEqual(self.asked.query["watch"], "1")
        self.assertNotIn("sendInitialEvents", self.asked.query)
        return self.asked.query["resourceVersion"]


class SilenceTests(ReflectorTestCase):
    """Rules 23 and 24: watches that say nothing."""

    def test_rule_23_after_90_seconds_without_a_byte_it_is_aborted_and_resumed_at_once(self) -> None:
        watch = self.sync()
        self.clock.advance(89.9)
        self.assertFalse(watch.wire.aborted)
        self.clock.advance(0.1)
        self.assertTrue(watch.wire.aborted)
        self.clock.advance(0)
        self.assertEqual((self.count, self.state()), (2, "watching"))
        self.assertEqual(self.asked.query["resourceVersion"], "10")
        self.assertEqual(self.reflector.health().cuts, 1)

    def test_rule_23_bookmarks_keep_it_open(self) -> None:
        watch = self.sync()
        for version in range(11, 20):
            self.clock.advance(75)
            watch.lines(bookmark(version))
        self.assertEqual((self.count, self.store.version), (1, "19"))

    def test_rule_24_where_no_bookmarks_come_silence_is_accepted(self) -> None:
        self.falls_silent(self.sync(), 90)
        self.asked.accept()
        self.falls_silent(self.asked, 90)
        watch = self.asked
        watch.accept()
        self.clock.advance(329.5)
        self.assertFalse(watch.wire.aborted)
        self.clock.advance(0.5)
        self.assertTrue(watch.wire.aborted)

    def test_rule_24_until_one_comes(self) -> None:
        self.falls_silent(self.sync(), 90)
        self.asked.accept()
        self.falls_silent(self.asked, 90)
        self.asked.accept()
        self.clock.advance(200)
        self.asked.lines(bookmark(20))
        self.falls_silent(self.asked, 90)

    def falls_silent(self, watch: Asked, seconds: float) -> None:
        self.clock.advance(seconds)
        self.assertTrue(watch.wire.aborted)
        self.clock.advance(0)


class BurstTests(ReflectorTestCase):
    """Rule 28: more than can be applied at once."""

    def test_rule_28_a_server_that_cuts_a_slow_reader_is_resumed(self) -> None:
        watch = self.sync()
        watch.lines(added("a", 11))
        watch.cut()
        self.assertEqual(self.next().query["resourceVersion"], "11")
        self.assertEqual(self.reflector.health().cuts, 1)

    def test_rule_28_the_connection_is_never_paused_while_lines_are_applied_as_they_come(self) -> None:
        watch = self.sync()
        line = event("ADDED", {**thing("a", 11), "status": {"blob": "x" * 2**20}}) + b"\n"
        for _ in range(2 * FULL // len(line)):
            watch.send(line)
            self.assertFalse(watch.wire.paused)
