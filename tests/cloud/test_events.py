"""Events: told behind everything else, counted together where they are many, and never in anybody's way."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Ask, Notice, Plan
from dicot.cloud.writing.events import APART, LONGEST, MOST_WAITING, WINDOW, WITHIN
from dicot.faults import Fault
from dicot.kube import errors
from dicot.kube.address import Account
from dicot.kube.kind import Manifest, Row
from dicot.names import ACCOUNTS_NAMESPACE, REQUEST_ID, USER_ID

from .site import PROJECT, SPACE, Site, caller, manifest, server, server_id

USER = "u" * 32
STOP = Notice(VM, None, "ServerStop", "")


def account(request: str = "req-1") -> Account:
    """A member of the project, with who is behind it."""
    return Account(ACCOUNTS_NAMESPACE, f"{PROJECT}-member", ((USER_ID, USER), (REQUEST_ID, request)))


class EventCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.site = Site()
        self.kube, self.events = self.site.kube, self.site.replica.events
        self.kube.put(manifest(VM, "web1", {"dicot.io/id": server_id()}, spec={}))
        row = self.site.stores[VM].one(SPACE, "web1")
        assert row is not None
        self.vm: Row = row

    def tell(self, notice: Notice = STOP, request: str = "req-1", row: Row | None = None) -> None:
        self.events.tell(notice, row or self.vm, account(request))

    def soon(self) -> list[Manifest]:
        """All Events, once everything was done that waited for its turn."""
        self.site.clock.advance(0)
        return [body for (_, plural, _, _), body in self.kube.objects.items() if plural == "events"]

    def counts(self) -> tuple[int, int]:
        return self.events.written, self.events.lost


class TellTests(EventCase):
    def test_an_event_is_one_that_describe_lists(self) -> None:
        self.tell()
        [found] = self.soon()
        metadata = found.pop("metadata")
        moment = "2027-01-15T08:00:00Z"
        self.assertEqual(
            found,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "involvedObject": {
                    "apiVersion": "kubevirt.io/v1",
                    "kind": "VirtualMachine",
                    "namespace": SPACE,
                    "name": "web1",
                    "uid": self.vm.uid,
                },
                "type": "Normal",
                "reason": "ServerStop",
                "message": f"Requested by user {USER} (req-1)",
                "source": {"component": "dicot"},
                "reportingComponent": "dicot",
                "reportingInstance": "replica",
                "firstTimestamp": moment,
                "lastTimestamp": moment,
                "count": 1,
            },
        )
        self.assertEqual(metadata["namespace"], SPACE)
        self.assertRegex(metadata["name"], r"\Aweb1\.[0-9a-f]{16}\Z")
        self.assertEqual(metadata["annotations"], {REQUEST_ID: "req-1", USER_ID: USER})

    def test_it_is_written_as_the_projects_account(self) -> None:
        self.tell()
        self.soon()
        [made] = [each for each in self.kube.calls if each.plural == "events"]
        self.assertEqual((made.acting_as, made.extra, made.within), (account().name, account().extra, WITHIN))

    def test_nothing_is_sent_before_the_reactors_next_turn(self) -> None:
        self.tell()
        self.assertEqual(self.kube.verbs("events"), [])
        self.assertEqual(len(self.soon()), 1)

    def test_one_at_a_time(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "events", hold=held)
        for number in range(3):
            self.tell(request=f"req-{number}")
        self.soon()
        self.assertEqual(self.kube.verbs("events"), ["create events"])
        held.callback(None)
        self.assertEqual(self.counts(), (3, 0))

    def test_a_refusal_is_a_warning_that_says_why_in_one_line(self) -> None:
        self.tell(replace(STOP, message="no\r\n\x1b[31m\u2028way", warning=True))
        [found] = self.soon()
        self.assertEqual(found["type"], "Warning")
        self.assertEqual(found["message"], f"Requested by user {USER} (req-1): no   [31m way")

    def test_a_message_is_short_in_bytes(self) -> None:
        self.tell(replace(STOP, message="\u00e4" * 2_000))
        [found] = self.soon()
        self.assertEqual(len(found["message"].encode()), LONGEST - (LONGEST - len(found["message"].encode())) % 2)
        self.assertLessEqual(len(found["message"].encode()), LONGEST)

    def test_the_longest_name_leaves_room(self) -> None:
        self.tell(row=_named(self.vm, f"{'a' * 199}.{'b' * 53}"))
        [found] = self.soon()
        self.assertRegex(found["metadata"]["name"], r"\Aa{199}\.[0-9a-f]{16}\Z")


class TogetherTests(EventCase):
    def asked(self, number: int) -> list[Manifest]:
        """So many of one sort, each told before the next."""
        for each in range(number):
            self.tell(request=f"req-{each}")
            self.soon()
        return self.soon()

    def test_many_of_one_sort_are_counted_in_one(self) -> None:
        found = self.asked(APART + 3)
        self.assertEqual(len(found), APART + 1)
        last = found[-1]
        self.assertEqual((last["count"], self.counts()), (3, (APART + 3, 0)))
        newest = f"req-{APART + 2}"
        self.assertEqual(last["message"], f"(combined from similar events): Requested by user {USER} ({newest})")
        self.assertEqual(last["metadata"]["annotations"][REQUEST_ID], newest)

    def test_those_that_wait_are_one_write(self) -> None:
        for each in range(APART + 5):
            self.tell(request=f"req-{each}")
        found = self.soon()
        self.assertEqual((len(found), found[-1]["count"]), (APART + 1, 5))
        self.assertEqual(len(self.kube.verbs("events")), APART + 1)

    def test_another_sort_and_another_object_count_apart(self) -> None:
        self.asked(APART)
        self.tell(replace(STOP, reason="ServerStart"))
        self.tell(row=_named(self.vm, "web2"))
        self.assertEqual([each["count"] for each in self.soon()], [1] * (APART + 2))

    def test_after_a_while_they_are_told_apart_again(self) -> None:
        self.asked(APART + 2)
        self.site.clock.advance(WINDOW)
        self.tell(request="req-later")
        self.assertEqual([each["count"] for each in self.soon()[-2:]], [2, 1])

    def test_one_that_the_server_forgot_is_made_anew(self) -> None:
        found = self.asked(APART + 1)
        self.kube.remove("events", SPACE, found[-1]["metadata"]["name"])
        self.tell(request="req-new")
        self.assertEqual(self.soon()[-1]["count"], 2)


class LostTests(EventCase):
    def test_what_is_refused_is_counted_and_the_first_of_its_sort_logged(self) -> None:
        denied = errors.Denied(403, "Forbidden", "no")
        with capturedLogs() as said:
            for number, refusal in enumerate((denied, denied, errors.Unreachable("nobody"), denied)):
                self.kube.script("create", "events", refuse=refusal)
                self.tell(request=f"req-{number}")
            self.assertEqual(self.soon(), [])
        self.assertEqual(self.counts(), (0, 4))
        self.assertEqual([str(each["why"]) for each in said], ["403 Forbidden: no", "nobody"])

    def test_those_after_one_that_is_lost_are_told(self) -> None:
        self.kube.script("create", "events", lose=True)
        self.tell(request="req-1")
        self.tell(request="req-2")
        self.assertEqual([each["metadata"]["annotations"][REQUEST_ID] for each in self.soon()], ["req-2"])

    def test_one_whose_answer_got_lost_is_not_told_twice(self) -> None:
        self.tell()
        self.soon()
        self.tell()
        self.assertEqual(len(self.soon()), 1)
        self.assertEqual(self.counts(), (2, 0))

    def test_so_many_wait_and_no_more(self) -> None:
        self.kube.script("create", "events", hold=Deferred())
        self.tell(row=_named(self.vm, "first"))
        self.soon()
        for number in range(MOST_WAITING + 2):
            self.tell(row=_named(self.vm, f"vm-{number}"))
        self.assertEqual(self.counts(), (0, 2))

    def test_at_the_end_there_is_some_time_left(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "events", hold=held)
        for number in range(3):
            self.tell(request=f"req-{number}")
        self.soon()
        draining = self.site.start(self.events.drain(2))
        self.assertNoResult(draining)
        held.callback(None)
        self.successResultOf(draining)
        self.assertEqual(self.counts(), (3, 0))

    def test_but_not_more(self) -> None:
        self.kube.script("create", "events", hold=Deferred())
        for number in range(3):
            self.tell(request=f"req-{number}")
        self.soon()
        draining = self.site.start(self.events.drain(2))
        self.site.clock.advance(2)
        self.successResultOf(draining)
        self.assertEqual(self.counts(), (0, 2))

    def test_with_nothing_to_tell_the_end_is_at_once(self) -> None:
        self.successResultOf(self.site.start(self.events.drain(2)))


class WriterTests(EventCase):
    """What a writer makes of a plan's notice."""

    def apply(self, plan: Plan) -> Deferred[Any]:
        return self.site.start(self.site.writer.apply(caller(), "req-1", lambda: plan))

    def reasons(self) -> list[tuple[str, str]]:
        return [(each["reason"], each["involvedObject"]["uid"]) for each in self.soon()]

    def test_it_is_about_what_was_made(self) -> None:
        row = self.successResultOf(self.apply(server(2, notice=replace(STOP, reason="ServerCreate"))))
        self.assertEqual(self.reasons(), [("ServerCreate", row.uid)])

    def test_it_is_about_what_it_names(self) -> None:
        ask = Ask(VM, SPACE, "web1", "stop")
        self.successResultOf(self.apply(Plan(server_id(), ask, notice=replace(STOP, row=self.vm))))
        self.assertEqual(self.reasons(), [("ServerStop", self.vm.uid)])

    def test_what_is_refused_tells_nothing(self) -> None:
        self.kube.script("stop", "virtualmachines", refuse=errors.Missing(404, "NotFound", "no"))
        ask = Ask(VM, SPACE, "web1", "stop")
        self.failureResultOf(self.apply(Plan(server_id(), ask, notice=replace(STOP, row=self.vm))), Fault)
        self.assertEqual(self.reasons(), [])

    def test_the_answer_waits_for_no_event(self) -> None:
        self.kube.script("create", "events", hold=Deferred())
        self.successResultOf(self.apply(server(2, notice=STOP)))
        self.site.clock.advance(0)
        self.successResultOf(self.apply(server(3, notice=STOP)))
        self.assertEqual(self.kube.verbs("events"), ["create events"])


def _named(row: Row, name: str) -> Row:
    return Row(row.namespace, name, f"uid-{name}", "1", "", "", "", b"{}")
