"""Calls as the API server sees them, and what its answers become."""

import gzip
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube import errors
from dicot.kube.address import Account, Place, place
from dicot.kube.client import HttpKube
from dicot.kube.kind import Kind, Meta
from dicot.kube.media import JSON_PATCH

from .wire import SERVER, Line, Wire

T = TypeVar("T")
VM = Place("kubevirt.io", "v1", "virtualmachines", "web", "a")
SECRETS = Place("", "v1", "secrets", "web")
MEMBER = Account("dicot-projects", "p-member", (("dicot.io/user-id", "u1"), ("dicot.io/request-id", "req-1")))


class Bare(msgspec.Struct, frozen=True):
    """A projection of metadata only."""

    metadata: Meta


VMS = Kind("kubevirt.io", "v1", "virtualmachines", "virtualmachine", Bare)


class Badge:
    """A credential that counts how often it was made anew."""

    server = SERVER

    def __init__(self) -> None:
        self.renewed = 0

    async def authorize(self, stale: bool = False) -> errors.Headers:
        """See Credential."""
        self.renewed += stale
        return {"Authorization": f"Bearer {self.renewed}"}


class Calls(SynchronousTestCase):
    """What every test of a call needs."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.badge = Badge()
        self.kube = HttpKube(self.wire.agent, self.badge, self.wire.reactor, lambda: 0.0)

    def ask(self, call: Coroutine[Any, Any, T]) -> "Deferred[T]":
        """Start a call."""
        return Deferred.fromCoroutine(call)

    def accept(self) -> tuple[Line, str, dict[str, str], str]:
        """The next connection, and request line, headers and body of what came on it."""
        line = self.wire.accept()
        return line, *self.parsed(line)

    def parsed(self, line: Line) -> tuple[str, dict[str, str], str]:
        """Request line, headers and body."""
        head, _, body = line.heard().partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        return first, dict(header.split(": ", 1) for header in rest), body


class Requests(Calls):
    """The request of each call."""

    def test_fetch(self) -> None:
        asked = self.ask(self.kube.fetch("/apis"))
        line, first, _, _ = self.accept()
        self.assertEqual(first, "GET /apis HTTP/1.1")
        line.answer(200, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_read(self) -> None:
        asked = self.ask(self.kube.read(VM))
        line, first, headers, _ = self.accept()
        self.assertEqual(first, "GET /apis/kubevirt.io/v1/namespaces/web/virtualmachines/a HTTP/1.1")
        self.assertEqual((headers["Accept"], headers["Authorization"]), ("application/json, */*", "Bearer 0"))
        self.assertRegex(headers["User-Agent"], r"^dicot(/[0-9].*)?$")
        line.answer(200, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_create(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {"kind": "Secret"}, within=10))
        line, first, headers, body = self.accept()
        self.assertEqual(
            first,
            "POST /api/v1/namespaces/web/secrets?fieldManager=dicot&fieldValidation=Strict&timeout=9750ms HTTP/1.1",
        )
        self.assertEqual((headers["Content-Type"], body), ("application/json", '{"kind":"Secret"}'))
        line.answer(201, b'{"x":1}')
        self.assertEqual(self.successResultOf(asked), b'{"x":1}')

    def test_rehearsal(self) -> None:
        self.ask(self.kube.create(SECRETS, {}, dry=True))
        self.assertIn("&dryRun=All&", self.accept()[1])

    def test_json_patch(self) -> None:
        self.ask(self.kube.patch(VM, [{"op": "test"}], media=JSON_PATCH))
        _, first, headers, body = self.accept()
        self.assertTrue(first.startswith("PATCH /apis/kubevirt.io/v1/namespaces/web/virtualmachines/a?"))
        self.assertEqual((headers["Content-Type"], body), (JSON_PATCH, '[{"op":"test"}]'))

    def test_replace(self) -> None:
        self.ask(self.kube.replace(VM, {}))
        self.assertTrue(
            self.accept()[1].startswith("PUT /apis/kubevirt.io/v1/namespaces/web/virtualmachines/a?field")
        )

    def test_delete_names_the_object_it_means(self) -> None:
        self.ask(self.kube.delete(VM, uid="u-1"))
        _, first, _, body = self.accept()
        self.assertTrue(first.startswith("DELETE /apis/kubevirt.io/v1/namespaces/web/virtualmachines/a?timeout="))
        options = json.loads(body)
        self.assertEqual((options["preconditions"], options["propagationPolicy"]), ({"uid": "u-1"}, "Background"))

    def test_delete_at_once(self) -> None:
        self.ask(self.kube.delete(VM, grace=0))
        self.assertEqual(json.loads(self.accept()[3])["gracePeriodSeconds"], 0)

    def test_power_call(self) -> None:
        at = Place("subresources.kubevirt.io", "v1", "virtualmachines", "web", "a", "stop")
        asked = self.ask(self.kube.call(at, {"gracePeriod": 0}))
        line, first, _, body = self.accept()
        self.assertEqual(
            first,
            "PUT /apis/subresources.kubevirt.io/v1/namespaces/web/virtualmachines/a/stop?timeout=29750ms HTTP/1.1",
        )
        self.assertEqual(body, '{"gracePeriod":0}')
        line.answer(202)
        self.assertEqual(self.successResultOf(asked), b"")

    def test_acting_as_an_account(self) -> None:
        self.ask(self.kube.create(SECRETS, {}, acting_as=MEMBER))
        line = self.wire.accept()
        heard = line.heard().lower()
        for header in (
            "impersonate-user: system:serviceaccount:dicot-projects:p-member",
            "impersonate-extra-dicot.io%2fuser-id: u1",
            "impersonate-extra-dicot.io%2frequest-id: req-1",
        ):
            self.assertIn(f"\r\n{header}\r\n", heard)

    def test_cluster_scoped_object(self) -> None:
        self.ask(self.kube.read(Place("", "v1", "namespaces", name="web")))
        self.assertEqual(self.accept()[1], "GET /api/v1/namespaces/web HTTP/1.1")

    def test_server_behind_a_path(self) -> None:
        self.badge.server = SERVER + "/k8s/clusters/c-1"
        self.ask(self.kube.read(VM))
        self.assertTrue(self.accept()[1].startswith("GET /k8s/clusters/c-1/apis/kubevirt.io/"))

    def test_find(self) -> None:
        asked = self.ask(self.kube.find(VMS, "web", "dicot.io/id", "0a"))
        line, first, _, _ = self.accept()
        query = "labelSelector=dicot.io%2Fid%3D0a&limit=2"
        self.assertEqual(first, f"GET /apis/kubevirt.io/v1/namespaces/web/virtualmachines?{query} HTTP/1.1")
        line.answer(200, b'{"metadata":{"continue":"more"},"items":[{"a": 1},{"b":2}]}')
        self.assertEqual(self.successResultOf(asked), [b'{"a": 1}', b'{"b":2}'])

    def test_colons_in_names_of_roles(self) -> None:
        self.ask(self.kube.read(Place("rbac.authorization.k8s.io", "v1", "clusterroles", name="dicot:member")))
        self.assertIn("/clusterroles/dicot%3Amember ", self.accept()[1])

    def test_long_parts_of_names(self) -> None:
        """A name ends at 253, with dots and without them."""
        for name in ("a" * 253, f"{'a' * 126}.{'b' * 126}"):
            self.ask(self.kube.read(Place("kubevirt.io", "v1", "virtualmachines", "web", name)))
            self.assertIn(f"/virtualmachines/{name} ", self.accept()[1])


class Grammar(Calls):
    """Nothing leaves that is not the address of an object."""

    def test_parts_that_no_object_has(self) -> None:
        bad = (
            "..",
            "a/b",
            "a%2fb",
            "a?dryRun=All",
            "A",
            "a b",
            "a\n",
            "é",
            "a" * 254,
            "-a",
            "a#b",
            "a:b",
            "a,b",
            "a.",
        )
        places = [Place("kubevirt.io", "v1", "virtualmachines", "web", name) for name in bad]
        places += [Place("kubevirt.io", "v1", "virtualmachines", name, "a") for name in (*bad, "a.b", "a" * 64)]
        places += [
            Place("kubevirt.io", "v1", "virtualmachines", "web", "a", name) for name in (*bad[2:], "a/b/c", "/a")
        ]
        places += [Place(name, "v1", "virtualmachines", "web", "a") for name in bad]
        places += [Place("kubevirt.io", name, "virtualmachines", "web", "a") for name in (*bad, "")]
        places += [Place("kubevirt.io", "v1", name, "web", "a") for name in (*bad, "")]
        places += [Place("rbac.authorization.k8s.io", "v1", "roles", "web", name) for name in bad[:4]]
        self.assertEqual([at for at in places if not self.refused(self.kube.read(at))], [])
        self.assertEqual(self.wire.waiting, 0)

    def test_selectors_ask_for_one_value(self) -> None:
        for label, value in (("dicot.io/id", "a,b!=c"), ("a=b", "c"), ("x/../id", "c"), ("dicot.io/id", "")):
            self.assertTrue(self.refused(self.kube.find(VMS, "web", label, value)), (label, value))
        self.assertEqual(self.wire.waiting, 0)

    def test_accounts(self) -> None:
        for account in (
            Account("dicot-projects", "a\r\nImpersonate-Group: system:masters"),
            Account("a:b", "c"),
            Account("dicot-projects", "a", (("dicot.io/user-id", "u\r\nX: y"),)),
        ):
            self.assertTrue(self.refused(self.kube.create(SECRETS, {}, acting_as=account)), account)
        self.assertEqual(self.wire.waiting, 0)

    def refused(self, call: Coroutine[Any, Any, Any]) -> bool:
        """Whether a call was refused before anything was sent."""
        asked = self.ask(call)
        if not asked.called:
            return False
        self.failureResultOf(asked, errors.Invalid)
        return True


class Pages(Calls):
    """All objects of a kind."""

    def page(self, items: list[str], token: str = "") -> bytes:
        """A list."""
        return json.dumps({"kind": "L", "metadata": {"continue": token}, "items": items}).encode()

    def test_pages_are_joined(self) -> None:
        asked = self.ask(self.kube.all(VMS))
        line, first, _, _ = self.accept()
        self.assertEqual(first, "GET /apis/kubevirt.io/v1/virtualmachines?limit=500 HTTP/1.1")
        line.answer(200, self.page(["a", "b"], "t=1"))
        self.assertIn("?limit=500&continue=t%3D1 ", self.parsed(line)[0])
        line.answer(200, self.page(["c"]))
        self.assertEqual(self.successResultOf(asked), [b'"a"', b'"b"', b'"c"'])

    def test_a_list_that_is_too_old_is_asked_for_at_once(self) -> None:
        asked = self.ask(self.kube.all(VMS, "web"))
        line = self.wire.accept()
        line.answer(200, self.page(["a"], "t"))
        line.heard()
        line.answer(410, b"{}")
        self.assertEqual(self.parsed(line)[0], "GET /apis/kubevirt.io/v1/namespaces/web/virtualmachines HTTP/1.1")
        line.answer(200, self.page(["a", "b"]))
        self.assertEqual(self.successResultOf(asked), [b'"a"', b'"b"'])

    def test_an_object_that_is_nested_deeply_spoils_no_list(self) -> None:
        deep = b'{"metadata":{"name":"deep"},"spec":' + b"[" * 9_000 + b"]" * 9_000 + b"}"
        good = b'{"metadata":{"name":"good"}}'
        asked = self.ask(self.kube.all(VMS))
        self.wire.accept().answer(200, b'{"items":[%b,%b]}' % (deep, good))
        found = self.successResultOf(asked)
        self.assertEqual(found, [deep, good])
        self.assertRaises(msgspec.DecodeError, VMS.decode, found[0])
        self.assertEqual(VMS.decode(found[1]).name, "good")

    def test_what_is_no_list_is_no_answer(self) -> None:
        asked = self.ask(self.kube.all(VMS))
        line = self.wire.accept()
        for body in (b"<html>", b'{"items":1}', b'{"items":' + b"[" * 20_000):
            line.answer(200, body)
            self.failureResultOf(asked, errors.Unreachable)
            asked = self.ask(self.kube.all(VMS))


class Repeats(Calls):
    """What is sent again, and when."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wire.reactor.advance(seconds)

    def test_a_read_is_repeated_when_the_connection_breaks(self) -> None:
        asked = self.ask(self.kube.read(VM))
        line = self.wire.accept()
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        line.cut()
        self.assertNoResult(asked)
        self.advance(0.2)
        self.wire.accept().answer(200, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_a_body_without_length_may_be_cut_and_is_asked_for_again(self) -> None:
        asked = self.ask(self.kube.read(VM))
        line = self.wire.accept()
        line.say(b"HTTP/1.1 200 OK\r\n\r\n{")
        line.close()
        self.advance(0.2)
        self.wire.accept().answer(200, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_who_leaves_is_told_nothing_else(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {"kind": "Secret"}))
        self.accept()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)

    def test_a_read_waits_as_long_as_it_is_told(self) -> None:
        asked = self.ask(self.kube.read(VM))
        line = self.wire.accept()
        line.answer(429, b"", {"Retry-After": "2"})
        line.heard()
        self.advance(1.9)
        self.assertEqual(line.heard(), "")
        self.advance(0.1)
        line.answer(200, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_pauses_grow(self) -> None:
        asked = self.ask(self.kube.read(VM, within=60.0))
        for pause in (0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0):
            self.wire.refuse()
            self.advance(pause - 0.01)
            self.assertEqual(self.wire.waiting, 0)
            self.advance(0.011)
        self.wire.accept().answer(200, b"{}")
        self.successResultOf(asked)

    def test_no_pause_beyond_the_time_that_is_left(self) -> None:
        asked = self.ask(self.kube.read(VM, within=1.0))
        self.wire.accept().answer(429, b"", {"Retry-After": "2"})
        self.assertEqual(self.failureResultOf(asked, errors.Throttled).value.retry_after, 2)

    def test_a_write_that_was_never_sent_is_sent(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        self.wire.refuse()
        self.advance(0.2)
        self.wire.accept().answer(201, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_a_write_that_was_turned_away_is_sent_again(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        line = self.wire.accept()
        line.answer(429)
        self.advance(0.2)
        line.answer(503, b"service unavailable")
        self.advance(0.4)
        line.answer(201, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_nothing_reachable(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}, within=1.0))
        self.wire.refuse()
        self.advance(0.2)
        self.wire.refuse()
        self.failureResultOf(asked, errors.Unreachable)

    def test_refusals_are_final(self) -> None:
        for code in (400, 403, 404, 409, 410, 422, 500, 501):
            asked = self.ask(self.kube.read(VM))
            self.wire.accept().answer(code, b"", {"Connection": "close"})
            self.assertEqual(self.failureResultOf(asked, errors.Refused).value.code, code)

    def test_reviews_and_rehearsals_are_repeated(self) -> None:
        review = Place("authorization.k8s.io", "v1", "subjectaccessreviews")
        for call in (self.kube.create(review, {}), self.kube.create(SECRETS, {}, dry=True)):
            asked = self.ask(call)
            self.wire.accept().cut()
            self.advance(0.2)
            self.wire.accept().answer(201, b"{}", {"Connection": "close"})
            self.successResultOf(asked)


class Doubts(Calls):
    """Writes of which nobody knows."""

    def doubtful(self, asked: "Deferred[bytes]") -> None:
        """It is in doubt and was sent once."""
        self.failureResultOf(asked, errors.Doubtful)
        self.wire.reactor.advance(30)
        self.assertEqual(self.wire.waiting, 0)

    def test_connection_broke_before_the_answer(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        self.wire.accept().cut()
        self.doubtful(asked)

    def test_answer_cut(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        line = self.wire.accept()
        line.say(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{")
        line.cut()
        self.doubtful(asked)

    def test_server_errors(self) -> None:
        for code in (500, 502, 504):
            asked = self.ask(self.kube.create(SECRETS, {}))
            self.wire.accept().answer(code, b"", {"Connection": "close"})
            self.doubtful(asked)

    def test_no_answer_in_time(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}, within=5))
        line = self.wire.accept()
        self.wire.reactor.advance(4.9)
        self.assertNoResult(asked)
        self.wire.reactor.advance(0.1)
        self.doubtful(asked)
        self.assertFalse(line.is_open)

    def test_a_body_that_goes_silent_is_timed_too(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}, within=5))
        line = self.wire.accept()
        line.say(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{")
        self.wire.reactor.advance(5)
        self.doubtful(asked)
        self.assertFalse(line.is_open)

    def test_no_connection_in_time_was_never_sent(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}, within=5))
        self.wire.reactor.advance(5)
        self.failureResultOf(asked, errors.Unreachable)

    def test_a_read_without_an_answer_is_no_doubt(self) -> None:
        asked = self.ask(self.kube.read(VM, within=5))
        self.wire.accept()
        self.wire.reactor.advance(5)
        self.failureResultOf(asked, errors.Unreachable)


class Credentials(Calls):
    """A credential that is refused."""

    def test_it_is_made_anew_once(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        line = self.wire.accept()
        line.heard()
        line.answer(401)
        self.assertIn("Authorization: Bearer 1\r\n", line.heard())
        line.answer(201, b"{}")
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_then_the_refusal_is_final(self) -> None:
        asked = self.ask(self.kube.create(SECRETS, {}))
        line = self.wire.accept()
        line.answer(401)
        line.answer(401)
        self.failureResultOf(asked, errors.Unauthenticated)
        self.assertEqual(self.badge.renewed, 1)

    def test_none_in_time(self) -> None:
        class Slow(Badge):
            async def authorize(self, stale: bool = False) -> errors.Headers:
                await Deferred[None]()
                return {}

        kube = HttpKube(self.wire.agent, Slow(), self.wire.reactor)
        asked = self.ask(kube.create(SECRETS, {}, within=3))
        self.wire.reactor.advance(3)
        self.failureResultOf(asked, errors.Unreachable)


class ServerTime(Calls):
    """The API server's clock."""

    def test_unknown_before_any_answer(self) -> None:
        self.assertIsNone(self.kube.server_time())

    def test_it_moves_on(self) -> None:
        self.ask(self.kube.read(VM))
        self.wire.accept().answer(200, b"", {"Date": "Thu, 01 Jan 1970 00:01:40 GMT"})
        self.wire.reactor.advance(2.5)
        self.assertEqual(self.kube.server_time(), 102.5)

    def test_other_programs_clocks_do_not_count(self) -> None:
        self.ask(self.kube.call(Place("subresources.kubevirt.io", "v1", "virtualmachines", "web", "a", "stop"), {}))
        self.wire.accept().answer(202, b"", {"Date": "Thu, 01 Jan 1970 00:01:40 GMT"})
        self.assertIsNone(self.kube.server_time())

    def test_nonsense_is_ignored(self) -> None:
        self.ask(self.kube.read(VM))
        self.wire.accept().answer(200, b"", {"Date": "yesterday"})
        self.assertIsNone(self.kube.server_time())


class Answers(Calls):
    """Answers beyond plain JSON."""

    def test_redirects_are_not_followed(self) -> None:
        asked = self.ask(self.kube.read(VM))
        self.wire.accept().answer(307, b"", {"Location": "http://127.0.0.1:9/"})
        self.assertEqual(self.failureResultOf(asked, errors.Failed).value.code, 307)
        self.assertEqual(self.wire.waiting, 0)

    def test_compressed_answers(self) -> None:
        asked = self.ask(self.kube.read(VM))
        self.wire.accept().answer(200, gzip.compress(b"{}"), {"Content-Encoding": "gzip"})
        self.assertEqual(self.successResultOf(asked), b"{}")

    def test_place_of_a_kind(self) -> None:
        self.assertEqual(place(VMS, "web", "a"), VM)
