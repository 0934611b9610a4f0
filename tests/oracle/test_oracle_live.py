"""What Nova and Tempest say, asked as the other tests ask it.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from .nova import Unknown, oracle

ONLY_ON = "sandbox"
HEADERS = {"Content-Type": "application/json", "X-OpenStack-Nova-API-Version": "2.96"}


class RequestTests(SynchronousTestCase):
    def query(self, minor: int, **query: str) -> Any:
        return oracle().accepts("GET", "/servers", (2, minor), query={key: [query[key]] for key in query})

    def test_versions(self) -> None:
        versions = oracle().versions()
        self.assertEqual((versions[0], versions[-1], len(versions)), ((2, 1), (2, 104), 104))

    def test_unknown_parameters_are_left_out_and_later_refused(self) -> None:
        self.assertEqual(self.query(74, name="a", foo="1")["query"], {"name": ["a"]})
        self.assertIsNone(self.query(74, name="a", foo="1")["refused"])
        self.assertEqual(
            self.query(75, name="a", foo="1")["refused"], "'foo' does not match any of the regexes: '^_'"
        )

    def test_a_literal_path_comes_before_a_name(self) -> None:
        for path, operation in (("/servers/detail", "detail"), ("/servers/some", "show")):
            said = oracle().accepts("GET", path, (2, 1))
            self.assertEqual(said["operation"], f"ServersController.{operation}")

    def test_bodies_are_refused_in_novas_words(self) -> None:
        body = {"reboot": {"type": "gently"}}
        said = oracle().accepts("POST", "/servers/some/action", (2, 1), body=body)
        self.assertEqual(
            said["refused"],
            "Invalid input for field/attribute type. Value: gently. 'gently' is not one of "
            "['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']",
        )

    def test_formats_of_novas_own(self) -> None:
        server = {"name": " spaces ", "flavorRef": "1", "networks": "auto"}
        said = oracle().accepts("POST", "/servers", (2, 37), body={"server": server})
        self.assertIn("Can not start or end with whitespace", said["refused"])

    def test_what_ended_with_a_version(self) -> None:
        body = {"addFixedIp": {"networkId": "some"}}
        served = [
            oracle().accepts("POST", "/servers/some/action", (2, minor), body=body)["served"] for minor in (43, 44)
        ]
        self.assertEqual(served, [True, False])

    def test_what_was_removed(self) -> None:
        self.assertFalse(oracle().accepts("GET", "/os-cells", (2, 1))["served"])

    def test_what_never_was(self) -> None:
        self.assertRaises(Unknown, oracle().accepts, "GET", "/nothing", (2, 1))
        self.assertRaises(Unknown, oracle().accepts, "POST", "/servers/some/action", (2, 1), body={"fly": None})


class AnswerTests(SynchronousTestCase):
    def test_bodies(self) -> None:
        path, answer = "/servers/some/ips/private", {"private": [{"version": 4, "addr": "10.0.0.1"}]}
        self.assertIsNone(oracle().answers("GET", path, (2, 1), answer)["wrong"])
        answer["private"][0]["version"] = 5
        self.assertIn("5 is not one of [4, 6]", oracle().answers("GET", path, (2, 1), answer)["wrong"])

    def test_codes(self) -> None:
        path = "/os-keypairs/mine"
        codes = [oracle().answers("DELETE", path, (2, minor), None)["code"] for minor in (1, 2)]
        self.assertEqual(codes, [202, 204])

    def test_schemas_by_version(self) -> None:
        fields = [
            set(oracle().schema("response_body", "GET", "/flavors/1", (2, minor))["properties"]["flavor"]["required"])
            for minor in (54, 55)
        ]
        self.assertEqual(fields[1] - fields[0], {"description"})


class TempestTests(SynchronousTestCase):
    def wrong(self, answer: bytes, status: int = 200, **named: Any) -> Any:
        return oracle().tempest("ServersClient.list_servers", (2, 96), status, HEADERS, answer, **named)

    def test_an_answer_that_fits(self) -> None:
        said = self.wrong(b'{"servers": []}')
        self.assertEqual(said, {"wrong": None, "asked": ["GET", "http://cloud/servers"]})
        said = self.wrong(b'{"servers": []}', detail=True)
        self.assertEqual(said["asked"], ["GET", "http://cloud/servers/detail"])

    def test_one_that_does_not(self) -> None:
        self.assertIn("'a' was unexpected", self.wrong(b'{"servers": [{"a": 1}]}')["wrong"])
        self.assertIn("InvalidHttpSuccessCode", self.wrong(b'{"servers": []}', status=202)["wrong"])
