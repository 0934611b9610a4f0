from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import BadRequest, Unavailable
from dicot.pull import SLICE
from dicot.web.call import Call, Pieces, Reply, enclosed, pieces

from .wire import BASE, DEMO, PUBLIC, Bench, ListedGate, as_is, echoed, pending


def only_lists(content: object) -> list[object]:
    if not isinstance(content, list):
        raise BadRequest("no list")
    return content


class IdentityTests(SynchronousTestCase):
    def test_no_token_is_401_with_a_challenge(self) -> None:
        bench = Bench()
        bench.api.get("/servers", "servers:list")(echoed)
        answer = bench.ask("GET", f"{BASE}/servers")
        self.assertEqual(answer.code, 401)
        self.assertEqual(answer.headers["www-authenticate"], f'Keystone uri="{PUBLIC}/identity"')
        self.assertEqual(
            answer.json,
            {
                "error": {
                    "code": 401,
                    "title": "Unauthorized",
                    "message": "The request you have made requires authentication.",
                }
            },
        )

    def test_a_bad_token_is_401(self) -> None:
        bench = Bench()
        bench.api.get("/servers", "servers:list")(echoed)
        self.assertEqual(bench.ask("GET", f"{BASE}/servers", token="bad").code, 401)

    def test_two_tokens_are_none(self) -> None:
        bench = Bench()
        bench.api.get("/servers", "servers:list")(echoed)
        wire = bench.wire()
        wire.send(
            b"GET /compute/v2.1/servers HTTP/1.1\r\nHost: a\r\nX-Auth-Token: good\r\nX-Auth-Token: good\r\n\r\n"
        )
        self.assertEqual(wire.response().code, 401)

    def test_the_gate_may_take_its_time(self) -> None:
        later = pending()
        bench = Bench(gate=ListedGate({"slow": later}))
        bench.api.get("/servers", "servers:list")(echoed)
        wire = bench.wire()
        wire.send(b"GET /compute/v2.1/servers HTTP/1.1\r\nHost: a\r\nX-Auth-Token: slow\r\n\r\n")
        self.assertEqual(wire.responses(), [])
        later.callback(DEMO)
        self.assertEqual(wire.response().json["user"], "u1")

    def test_a_wrong_body_is_told_of_before_the_policy_is_asked(self) -> None:
        """As in Nova, whose schemas are looked at first; who has no token is told of nothing."""
        bench = Bench(gate=ListedGate(denied=frozenset(("servers:create",))))
        bench.api.write("POST", "/servers", "servers:create", [((2, 1), only_lists)])(echoed)
        answers = [bench.ask("POST", f"{BASE}/servers", body, token="good") for body in (b"not json", b"1", b"[]")]
        self.assertEqual([answer.code for answer in answers], [400, 400, 403])
        self.assertEqual(
            answers[-1].json["forbidden"]["message"], "Policy doesn't allow servers:create to be performed."
        )
        self.assertEqual(bench.ask("POST", f"{BASE}/servers", b"not json").code, 401)

    def test_forged_identity_headers_change_nothing(self) -> None:
        """Safety T6."""
        bench = Bench()
        seen: list[Call[None]] = []
        bench.api.get("/servers", "p")(lambda call: seen.append(call) or Reply({}))  # type: ignore[func-returns-value]
        names = """
            X_User_Id X_Roles X_Is_Admin_Project X_Project_Id X_Remote_User X_Service_Token Forwarded X_Forwarded_For
            X_Forwarded_Host X_Original_URL X_HTTP_Method_Override X_Identity_Status"""
        forged = dict.fromkeys(names.split(), "admin")
        plain = bench.ask("GET", f"{BASE}/servers", token="good")
        spoofed = bench.ask("GET", f"{BASE}/servers", token="good", **forged)
        self.assertEqual((plain.code, plain.body), (spoofed.code, spoofed.body))
        first, second = seen
        self.assertEqual((first.caller, first.headers), (second.caller, second.headers))
        self.assertEqual((first.address, second.address), ("192.0.2.1", "192.0.2.1"))
        self.assertEqual(bench.ask("GET", f"{BASE}/servers", **forged).code, 401)
        self.assertEqual(bench.records[1].address, "192.0.2.1")


class CallTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.seen: list[Call[Any]] = []

        def noted(call: Call[Any]) -> Reply:
            self.seen.append(call)
            return Reply({})

        self.bench.api.get("/servers", "p")(noted)

    def test_the_query_is_decoded_in_order(self) -> None:
        self.bench.ask("GET", f"{BASE}/servers?tag=b&name=a%2Bb+c&tag=%C3%A9&empty=", token="good")
        self.assertEqual(self.seen[0].query, {"tag": ["b", "é"], "name": ["a+b c"], "empty": [""]})

    def test_a_broken_query_is_400(self) -> None:
        for query in ("a=%zz", "a=%", "a=%ff", "a=%00", "a%0db=1", "a=\x7f", "&".join(["a=1"] * 1001)):
            answer = self.bench.ask("GET", f"{BASE}/servers?{query}", token="good")
            self.assertEqual((answer.code, list(answer.json)), (400, ["badRequest"]), query)
        self.assertEqual(self.seen, [])

    def test_few_headers_are_passed_on(self) -> None:
        self.bench.ask("GET", f"{BASE}/servers", token="good", Accept="a/b", X_Subject_Token="s", Cookie="c=1")
        self.assertEqual(self.seen[0].headers, {"accept": "a/b", "x-subject-token": "s"})

    def test_the_request_id_is_that_of_the_answer(self) -> None:
        answer = self.bench.ask("GET", f"{BASE}/servers", token="good")
        self.assertEqual(answer.headers["x-openstack-request-id"], self.seen[0].request_id)
        self.assertEqual(answer.headers["x-compute-request-id"], self.seen[0].request_id)

    def test_a_global_id_is_never_the_local_one(self) -> None:
        given = "req-12345678-1234-1234-1234-123456789abc"
        answer = self.bench.ask("GET", f"{BASE}/servers", token="good", X_Openstack_Request_Id=given)
        self.assertNotEqual(answer.headers["x-openstack-request-id"], given)
        self.assertEqual(self.bench.records[0].global_id, given)

    def test_a_global_id_of_another_form_is_dropped(self) -> None:
        for given in (
            "x",
            "req-1",
            "REQ-12345678-1234-1234-1234-123456789abc",
            "req-12345678-1234-1234-1234-123456789abcd",
        ):
            self.bench.ask("GET", f"{BASE}/servers", token="good", X_Openstack_Request_Id=given)
        self.assertEqual({record.global_id for record in self.bench.records}, {""})


class BodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.api.write("POST", "/servers", "p", [((2, 1), as_is)])(echoed)

    def test_a_body_that_is_not_strict_json_is_400_in_the_services_words(self) -> None:
        for body in (b" ", b"{", b"nope", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000, b'"\\ud800"'):
            answer = self.bench.ask("POST", f"{BASE}/servers", body, token="good")
            self.assertEqual((answer.code, answer.json["badRequest"]["message"]), (400, "Malformed request body"))

    def test_no_body_at_all_is_null(self) -> None:
        """nova/api/openstack/wsgi.py, ``_get_request_content``."""
        answer = self.bench.ask("POST", f"{BASE}/servers", b"", token="good")
        self.assertEqual((answer.code, answer.json["body"]), (200, None))

    def test_an_action_has_a_body(self) -> None:
        self.bench.api.action("/servers/<id>/action", "stop", "p", [((2, 1), as_is)])(echoed)
        answer = self.bench.ask("POST", f"{BASE}/servers/x/action", b"", token="good")
        self.assertEqual((answer.code, answer.json["badRequest"]["message"]), (400, "Malformed request body"))

    def test_an_unknown_content_type_is_415(self) -> None:
        answer = self.bench.ask("POST", f"{BASE}/servers", b"{}", token="good", Content_Type="text/xml")
        self.assertEqual((answer.code, answer.json["badMediaType"]["message"]), (415, "Unsupported Content-Type"))

    def test_content_types_of_json(self) -> None:
        for media in ("application/json; charset=utf-8", "", "text/plain", "application/vnd.openstack.compute+json"):
            answer = self.bench.ask("POST", f"{BASE}/servers", b"{}", token="good", Content_Type=media)
            self.assertEqual(answer.code, 200, media)

    def test_a_decoder_may_refuse(self) -> None:
        def picky(content: object) -> object:
            raise BadRequest("Invalid input for field/attribute name.")

        self.bench.api.write("PUT", "/servers", "p", [((2, 1), picky)])(echoed)
        answer = self.bench.ask("PUT", f"{BASE}/servers", b"{}", token="good")
        self.assertEqual(answer.json["badRequest"]["message"], "Invalid input for field/attribute name.")

    def test_without_bodies_none_is_read(self) -> None:
        self.bench.api.write("DELETE", "/servers/<id>", "p")(echoed)
        self.assertIsNone(self.bench.ask("DELETE", f"{BASE}/servers/x", b"\xff{", token="good").json["body"])

    def test_a_form_is_not_parsed(self) -> None:
        form = b"a=1"
        answer = self.bench.ask(
            "POST", f"{BASE}/servers", form, token="good", Content_Type="application/x-www-form-urlencoded"
        )
        self.assertEqual(answer.code, 415)


class ReplyTests(SynchronousTestCase):
    def answer(self, reply: Reply, method: str = "GET") -> Any:
        bench = Bench()
        bench.api.get("/x", None)(lambda call: reply)
        return bench.ask(method, f"{BASE}/x")

    def test_an_object_is_json(self) -> None:
        answer = self.answer(Reply({"a": ["é"]}, 202))
        self.assertEqual((answer.code, answer.body), (202, '{"a":["é"]}'.encode()))
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["content-length"], "12")

    def test_bytes_and_pieces_are_sent_as_they_lie(self) -> None:
        self.assertEqual(self.answer(Reply(b"[1]")).body, b"[1]")
        self.assertEqual(self.answer(Reply(pieces(b"[", b"1", b"]"))).body, b"[1]")
        self.assertEqual(self.answer(Reply(Pieces(((b"1", b"2"), (b"3",)), b", ", b"[", b"]"))).body, b"[1, 2, 3]")

    def test_documents_are_enclosed_in_a_list(self) -> None:
        for parts in ((), (b"1",), (b"1", b"2", b"3")):
            found = self.answer(Reply(enclosed(b'{"all": [', [parts], b"]}")))
            self.assertEqual(found.body, b'{"all": [%s]}' % b", ".join(parts))
            self.assertEqual(found.headers["content-length"], str(len(found.body)))

    def test_large_bodies_come_whole(self) -> None:
        parts = tuple(bytes([65 + n % 26]) * 9973 for n in range(50))
        answer = self.answer(Reply(pieces(*parts)))
        self.assertEqual(answer.body, b"".join(parts))
        self.assertGreater(len(answer.body), 3 * SLICE)
        for runs in ((parts,), (parts[:9], parts[9:]), tuple((part,) for part in parts)):
            found = self.answer(Reply(enclosed(b"[", runs, b"]")))
            self.assertEqual(found.body, b"[%b]" % b", ".join(parts))
            self.assertEqual(found.headers["content-length"], str(len(found.body)))

    def test_nothing(self) -> None:
        answer = self.answer(Reply(None, 202))
        self.assertEqual((answer.headers["content-length"], answer.body), ("0", b""))
        self.assertNotIn("content-type", answer.headers)

    def test_an_operation_adds_headers(self) -> None:
        answer = self.answer(Reply(b"<", 200, {"Location": "x", "Content-Type": "text/plain"}))
        self.assertEqual((answer.headers["location"], answer.headers["content-type"]), ("x", "text/plain"))

    def test_a_line_break_in_a_header_splits_nothing(self) -> None:
        answer = self.answer(Reply(None, 200, {"Location": "a\r\nX-Evil: 1"}))
        self.assertNotIn("x-evil", answer.headers)

    def test_no_server_header(self) -> None:
        """Safety T43."""
        self.assertNotIn("server", self.answer(Reply({})).headers)

    def test_head_of_a_large_body(self) -> None:
        answer = self.answer(Reply(b"x" * 200_000), "HEAD")
        self.assertEqual((answer.body, answer.headers["content-length"]), (b"", "200000"))


class FaultTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()

    def test_a_fault_is_answered_with_its_headers(self) -> None:
        def busy(call: Call[None]) -> Reply:
            raise Unavailable("Later.", retry_after=7)

        self.bench.api.get("/x", None)(busy)
        answer = self.bench.ask("GET", f"{BASE}/x")
        self.assertEqual((answer.code, answer.headers["retry-after"]), (503, "7"))
        self.assertEqual(answer.json, {"serviceUnavailable": {"code": 503, "message": "Later."}})

    def test_an_unexpected_exception_tells_nothing_and_is_logged_once(self) -> None:
        def broken(call: Call[None]) -> Reply:
            raise RuntimeError("secret detail")

        self.bench.api.get("/x", None)(broken)
        self.bench.api.get("/<id>", None)(broken)
        for path in ("/x", "/hot"):
            answer = self.bench.ask("GET", BASE + path)
            id = answer.headers["x-openstack-request-id"]
            self.assertEqual(
                answer.json,
                {
                    "computeFault": {
                        "code": 500,
                        "message": f"Unexpected API Error. Please contact the administrator (Request-ID: {id})",
                    }
                },
            )
            (logged,) = self.flushLoggedErrors(RuntimeError)
            self.assertEqual(logged.getErrorMessage(), "secret detail")

    def test_a_body_that_cannot_be_encoded_is_a_500(self) -> None:
        self.bench.api.get("/x", None)(lambda call: Reply({"a": object()}))
        self.assertEqual(self.bench.ask("GET", f"{BASE}/x").code, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_a_gate_that_breaks_is_a_500(self) -> None:
        later: Deferred[Any] = pending()
        bench = Bench(gate=ListedGate({"good": later}))
        bench.api.get("/x", "p")(echoed)
        later.errback(OSError("disk"))
        self.assertEqual(bench.ask("GET", f"{BASE}/x", token="good").code, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_the_connection_lives_on_after_a_refusal(self) -> None:
        self.bench.api.get("/x", None)(echoed)
        wire = self.bench.wire()
        self.assertEqual(wire.ask("GET", f"{BASE}/nope").code, 404)
        self.assertEqual(wire.ask("GET", f"{BASE}/x").code, 200)
