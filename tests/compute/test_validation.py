"""Bodies and queries are refused in the words of python-jsonschema, wrapped as Nova wraps them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.compute import parameters
from dicot.compute.letters import PRINTABLE
from dicot.compute.validation import check_body, check_query, is_uuid_like
from dicot.faults import BadRequest

SERVER = {
    "type": "object",
    "properties": {
        "server": {
            "type": "object",
            "properties": {
                "name": parameters.NAME,
                "flag": parameters.BOOLEAN,
                "count": parameters.POSITIVE_INTEGER,
                "metadata": parameters.METADATA,
                "image": parameters.UUID_OR_EMPTY,
                "host": parameters.HOSTNAME,
                "text": parameters.DESCRIPTION,
                "data": parameters.USER_DATA,
                "certs": parameters.TRUSTED_CERTS,
                "tags": {"type": "array", "items": parameters.TAG, "maxItems": 2},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
    "required": ["server"],
    "additionalProperties": False,
}
FIELD = "Invalid input for field/attribute"
REFUSED: tuple[tuple[Any, str], ...] = (
    ([], "[] is not of type 'object'"),
    ({}, "'server' is a required property"),
    ({"server": 1}, f"{FIELD} server. Value: 1. 1 is not of type 'object'"),
    ({"server": {}}, f"{FIELD} server. Value: {{}}. 'name' is a required property"),
    ({"server": {"name": 1}}, f"{FIELD} name. Value: 1. 1 is not of type 'string'"),
    ({"server": {"name": ""}}, f"{FIELD} name. Value: . '' should be non-empty"),
    (
        {"server": {"name": "a" * 256}},
        f"{FIELD} name. Value: {'a' * 256}. '{'a' * 256}' is too long",
    ),
    (
        {"server": {"name": "a", "x": 1, "b": 2}},
        f"{FIELD} server. Value: {{'name': 'a', 'x': 1, 'b': 2}}. "
        "Additional properties are not allowed ('b', 'x' were unexpected)",
    ),
    (
        {"server": {"name": "a"}, "y": 1},
        "Additional properties are not allowed ('y' was unexpected)",
    ),
    (
        {"server": {"name": "a", "flag": 1}},
        f"{FIELD} flag. Value: 1. 1 is not of type 'boolean', 'string'",
    ),
    ({"server": {"name": "a", "count": 0}}, f"{FIELD} count. Value: 0. 0 is less than the minimum of 1"),
    ({"server": {"name": "a", "count": "0"}}, f"{FIELD} count. Value: 0. 0 is less than the minimum of 1"),
    ({"server": {"name": "a", "count": "x"}}, f"{FIELD} count. Value: x. 'x' does not match '^[0-9]*$'"),
    (
        {"server": {"name": "a", "count": True}},
        f"{FIELD} count. Value: True. True is not of type 'integer', 'string'",
    ),
    (
        {"server": {"name": "a", "metadata": {"k\nl": "v"}}},
        f"{FIELD} metadata. Value: {{'k\\nl': 'v'}}. "
        "'k\\nl' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
    ),
    (
        {"server": {"name": "a", "metadata": {"k": 1}}},
        f"{FIELD} k. Value: 1. 1 is not of type 'string'",
    ),
    (
        {"server": {"name": "a", "image": "x"}},
        f"{FIELD} image. Value: x. 'x' is not valid under any of the given schemas",
    ),
    ({"server": {"name": "a", "data": "a"}}, f"{FIELD} data. Value: a. 'a' is not a 'base64'"),
    (
        {"server": {"name": "a", "host": "-a"}},
        f"{FIELD} host. Value: -a. '-a' does not match '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$'",
    ),
    (
        {"server": {"name": "a", "text": "a\nb"}},
        f"{FIELD} text. Value: a\nb. 'a\\nb' does not match {f'^[{PRINTABLE}]*$'!r}",
    ),
    ({"server": {"name": "a", "certs": []}}, f"{FIELD} certs. Value: []. [] should be non-empty"),
    (
        {"server": {"name": "a", "certs": ["x", "x"]}},
        f"{FIELD} certs. Value: ['x', 'x']. ['x', 'x'] has non-unique elements",
    ),
    (
        {"server": {"name": "a", "tags": ["a", "b", "c"]}},
        f"{FIELD} tags. Value: ['a', 'b', 'c']. ['a', 'b', 'c'] is too long",
    ),
    ({"server": {"name": "a", "tags": ["a,b"]}}, f"{FIELD} 0. Value: a,b. 'a,b' does not match '^[^,/]*$'"),
)
BAD_NAMES = (" a", "a ", "a\nb", "a\n\n", "\n", "a \n", "a\0", "\u2028", "\U0001f600")
NAME_RULE = (
    "An invalid 'name' value was provided. The name must be: "
    "printable characters. Can not start or end with whitespace."
)


class BodyTests(SynchronousTestCase):
    def test_mistakes_are_told_as_nova_tells_them(self) -> None:
        for body, message in REFUSED:
            fault = self.assertRaises(BadRequest, check_body, SERVER, body)
            self.assertEqual(fault.message, message)

    def test_bad_names_have_a_message_of_their_own(self) -> None:
        for name in BAD_NAMES:
            fault = self.assertRaises(BadRequest, check_body, SERVER, {"server": {"name": name}})
            self.assertEqual(fault.message, NAME_RULE)

    def test_good_bodies_pass(self) -> None:
        for more in (
            {"name": "a b\u00e9\u4e16"},
            {"flag": "Yes"},
            {"count": "12"},
            {"metadata": {"a:b-c_d. e": ""}},
            {"image": ""},
            {"image": "6F70656E737461636B20342065766572"},
            {"certs": None},
            {"text": None},
            {"name": "a\n"},
            {"metadata": {"k\n": "v"}},
            {"host": "web\n"},
            {"text": "a\n"},
        ):
            check_body(SERVER, {"server": {"name": "a", **more}})

    def test_a_number_in_an_enum_is_not_a_flag(self) -> None:
        self.assertRaises(BadRequest, check_body, {"enum": [True]}, 1)
        check_body({"enum": [1]}, 1)

    def test_the_first_mistake_is_told_in_the_order_of_the_schema(self) -> None:
        server = {"count": "x", "flag": "x", "name": 1}
        fault = self.assertRaises(BadRequest, check_body, SERVER, {"server": server, "y": 1})
        self.assertEqual(fault.message, f"{FIELD} name. Value: 1. 1 is not of type 'string'")

    def test_a_long_host_name_keeps_nobody_busy(self) -> None:
        for host, end in (("a" * 100000 + "!", "does not match"), ("a" * 100000, "is too long")):
            fault = self.assertRaises(BadRequest, check_body, SERVER, {"server": {"name": "a", "host": host}})
            self.assertIn(end, fault.message)

    def test_a_number_that_python_cannot_read_is_refused(self) -> None:
        check_body(SERVER, {"server": {"name": "a", "count": "1" * 4300}})
        fault = self.assertRaises(BadRequest, check_body, SERVER, {"server": {"name": "a", "count": "1" * 4301}})
        self.assertTrue(fault.message.endswith("is too long"))

    def test_user_data_beyond_ascii_is_refused(self) -> None:
        fault = self.assertRaises(BadRequest, check_body, SERVER, {"server": {"name": "a", "data": "\u00e9"}})
        self.assertEqual(fault.message, f"{FIELD} data. Value: \u00e9. '\u00e9' is not a 'base64'")

    def test_flags_are_read_as_oslo_reads_them(self) -> None:
        self.assertTrue(parameters.truth("on") and parameters.truth(True) and parameters.truth("1"))
        self.assertFalse(parameters.truth("off") or parameters.truth(False) or parameters.truth(1))


QUERY = {
    "type": "object",
    "properties": {**parameters.PAGING, "name": parameters.REGEXES, "changes-since": parameters.MOMENTS},
    "additionalProperties": False,
}
PARAMETER = "Invalid input for query parameters"


class QueryTests(SynchronousTestCase):
    def test_mistakes_name_the_parameter(self) -> None:
        for query, message in (
            ({"limit": ["-1"]}, f"{PARAMETER} limit. Value: -1. '-1' does not match '^[0-9]*$'"),
            ({"limit": ["1", "x"]}, f"{PARAMETER} limit. Value: x. 'x' does not match '^[0-9]*$'"),
            ({"name": [""]}, f"{PARAMETER} name. Value: . '' is not a 'regex'"),
            ({"name": ["("]}, f"{PARAMETER} name. Value: (. '(' is not a 'regex'"),
            ({"name": ["(?=a)"]}, f"{PARAMETER} name. Value: (?=a). '(?=a)' is not a 'regex'"),
            ({"changes-since": ["x"]}, f"{PARAMETER} changes-since. Value: x. 'x' is not a 'date-time'"),
            ({"foo": ["x"]}, "Additional properties are not allowed ('foo' was unexpected)"),
        ):
            fault = self.assertRaises(BadRequest, check_query, QUERY, query)
            self.assertEqual(fault.message, message)

    def test_good_queries_pass(self) -> None:
        check_query(QUERY, {"limit": ["0"], "name": ["^a.*b$"], "changes-since": ["2026-11-21T10:00:00Z"]})

    def test_an_empty_query_fits_a_schema_that_knows_nothing(self) -> None:
        check_query({"type": "object", "properties": {}, "additionalProperties": False}, {})

    def test_what_one_schema_took_another_may_refuse(self) -> None:
        bare = {"type": "object", "properties": {}, "additionalProperties": False}
        for _ in range(2):
            check_query(QUERY, {"marker": ["x"]})
            self.assertRaises(BadRequest, check_query, bare, {"marker": ["x"]})

    def test_what_is_refused_stays_refused(self) -> None:
        check_query(QUERY, {"limit": ["1"]})
        for _ in range(2):
            self.assertRaises(BadRequest, check_query, QUERY, {"limit": ["1", "x"]})

    def test_times_are_read_as_nova_reads_them(self) -> None:
        for text in ("2026", "2026-11", "2026-1-1", "20261121T100000Z", "2026-11-21 10:00:00,5+01"):
            check_query(QUERY, {"changes-since": [text]})
        for text in ("2026-W01-1", "2026-13", "2026-11-21X10:00", "2026-11-21T10:00:00 +0100", "0001-01-01T00:00+14"):
            self.assertRaises(BadRequest, check_query, QUERY, {"changes-since": [text]})


class UuidTests(SynchronousTestCase):
    def test_any_spelling_counts(self) -> None:
        for text in (
            "6f70656e-7374-6163-6b20-342065766572",
            "6F70656E-7374-6163-6B20-342065766572",
            "6f70656e737461636b20342065766572",
            "{6f70656e-7374-6163-6b20-342065766572}",
        ):
            self.assertTrue(is_uuid_like(text))
        for text in ("", "x", "6f70656e-7374-6163-6b20-34206576657", "6f70656e-7374-6163-6b20-342065766572\n"):
            self.assertFalse(is_uuid_like(text))
