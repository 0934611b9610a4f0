"""Requests that are wrong in themselves: each is answered in its service's words, and leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from twisted.internet import reactor

from dicot.compute.server.schema import create_schema
from tests.live.case import BASES, LISTS, LiveCase, image_id, new_server
from tests.live.wire import speak

NOBODY = "00000000-0000-4000-8000-000000000000"
WRITES = (
    ("identity", "POST", "/auth/tokens"),
    ("compute", "POST", "/servers"),
    ("compute", "PUT", f"/servers/{NOBODY}"),
    ("compute", "POST", f"/servers/{NOBODY}/action"),
    ("compute", "POST", "/os-keypairs"),
)
"""Every operation that reads a body."""
MALFORMED: Mapping[str, bytes] = {
    "empty": b"",
    "cut": b'{"server": {"name": "x"',
    "no JSON": b"name=x",
    "trailing garbage": b"{} {}",
    "a list": b"[]",
    "a word": b'"server"',
    "null": b"null",
    "not a number": b'{"server": {"name": NaN}}',
    "infinite": b'{"server": {"name": 1e999}}',
    "an endless number": b'{"server": {"min_count": ' + b"9" * 5000 + b"}}",
    "a key twice": b'{"server": {"name": "a", "name": "b"}, "auth": 1, "auth": 2}',
    "deep lists": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"server":' * 5_000 + b"1" + b"}" * 5_000,
    "invalid UTF-8": b'{"server": {"name": "\xff\xfe"}}',
    "overlong UTF-8": b'{"server": {"name": "\xc0\xaf"}}',
    "UTF-16": '{"server": {}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "half a character": b'{"server": {"name": "\\ud800"}}',
    "NUL": b'{"server": {"name": "a\\u0000b"}, "auth": "\\u0000"}',
    "a bare control character": b'{"server": {"name": "a\nb"}}',
}


class BodyTests(LiveCase):
    async def test_malformed_bodies(self) -> None:
        for service, method, path in WRITES:
            for what, body in MALFORMED.items():
                answer = await self.demo.ask(method, BASES[service] + path, body)
                self.refused(service, answer, 400, about=f"{path} {what}")

    async def test_content_types(self) -> None:
        """Nova has a code for it, Keystone has not."""
        for service, method, path in WRITES:
            answer = await self.demo.ask(method, BASES[service] + path, b"<a/>", {"Content-Type": "application/xml"})
            self.refused(service, answer, 400 if service == "identity" else 415)

    async def test_a_body_that_is_too_large_is_not_read(self) -> None:
        """The answer comes though not one of its bytes was sent; also where no body is taken at all."""
        announced = {"Content-Length": str(10 << 20), "Content-Type": "application/json"}
        for service, base in BASES.items():
            for headers in (announced, {**announced, "Expect": "100-continue"}):
                answer = await self.demo.ask("POST", f"{base}/servers", headers=headers)
                self.refused(service, answer, 413, "Request is too large")

    async def test_a_body_that_grows_too_large(self) -> None:
        """Without a length in front it is read as far as one may be."""
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        head = self.demo.bytes_of("POST", "/compute/v2.1/servers", headers={"Transfer-Encoding": "chunked"})
        self.refused("compute", await speak(reactor, self.demo.url, head + 3 * chunk), 413)

    async def test_the_largest_body_is_read(self) -> None:
        body = json.dumps({"server": {"name": "x"}}).encode()
        whole = body + b" " * (114_688 - len(body))
        self.refused("compute", await self.demo.ask("POST", "/compute/v2.1/servers", whole), 400, "flavorRef")
        self.refused("compute", await self.demo.ask("POST", "/compute/v2.1/servers", whole + b" "), 413)


class ShapeTests(LiveCase):
    """Well-formed JSON that says something else than the service takes."""

    async def refuses(self, bodies: Iterator[tuple[str, str, object]], service: str, path: str) -> None:
        for what, text, body in bodies:
            answer = await self.demo.ask("POST", BASES[service] + path, body)
            self.refused(service, answer, 400, text, about=f"{what}")

    async def test_every_field_of_a_server_has_a_type(self) -> None:
        image = await image_id(self.demo)
        fields, body = create_schema(95)["properties"]["server"]["properties"], new_server("x", image)["server"]

        def bodies() -> Iterator[tuple[str, str, object]]:
            for field in fields:
                for value in ([[1]], {"a": {"b": 1}}, 1.5):
                    yield f"{field}={value}", "", new_server("x", image) | {"server": body | {field: value}}

        await self.refuses(bodies(), "compute", "/servers")

    async def test_unknown_keys(self) -> None:
        image = await image_id(self.demo)
        text = "Additional properties are not allowed ('colour' was unexpected)"

        def bodies() -> Iterator[tuple[str, str, object]]:
            yield "in the server", text, new_server("x", image, colour="red")
            yield "beside the server", text, {**new_server("x", image), "colour": "red"}
            yield "in a network", "", new_server("x", image, networks=[{"uuid": NOBODY, "colour": "red"}])
            yield "in a group", text, new_server("x", image, security_groups=[{"name": "a", "colour": "red"}])

        await self.refuses(bodies(), "compute", "/servers")
        await self.refuses(
            iter([("in a key pair", text, {"keypair": {"name": "x", "public_key": "x", "colour": "red"}})]),
            "compute",
            "/os-keypairs",
        )

    async def test_names(self) -> None:
        image = await image_id(self.demo)
        for name in ("", " ", "a\nb", "a\rb", "\n", "a\tb\x1f", "x" * 256):
            answer = await self.demo.ask("POST", "/compute/v2.1/servers", new_server(name, image))
            self.refused("compute", answer, 400, "name")
            answer = await self.demo.ask("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": name}})
            self.refused("compute", answer, 400, "name")

    async def test_metadata_and_user_data(self) -> None:
        image = await image_id(self.demo)

        def bodies() -> Iterator[tuple[str, str, object]]:
            yield "a key", "", new_server("x", image, metadata={"a\nb": "c"})
            yield "a slash", "", new_server("x", image, metadata={"dicot.io/id": "c"})
            yield "a value", "a", new_server("x", image, metadata={"a": "b" * 256})
            yield "a number", "a", new_server("x", image, metadata={"a": 1})
            yield "no base64", "user_data", new_server("x", image, user_data="#!/bin/sh")
            yield "too much", "user_data", new_server("x", image, user_data="a" * 65536)

        await self.refuses(bodies(), "compute", "/servers")

    async def test_keystone_bodies(self) -> None:
        method = {"methods": ["password"]}

        def bodies() -> Iterator[tuple[str, str, object]]:
            yield "no auth", "auth", {}
            yield "auth is a list", "auth", {"auth": []}
            yield "no identity", "identity", {"auth": {}}
            yield "methods is a text", "methods", {"auth": {"identity": {"methods": "password"}}}
            yield "no password", "password", {"auth": {"identity": method}}
            yield "user is a text", "user", {"auth": {"identity": {**method, "password": {"user": "demo"}}}}
            yield "name is a number", "name", {"auth": {"identity": {**method, "password": {"user": {"name": 1}}}}}
            user = {"user": {"id": "x", "password": ["x"]}}
            yield "password is a list", "password", {"auth": {"identity": {**method, "password": user}}}

        await self.refuses(bodies(), "identity", "/auth/tokens")

    async def test_a_key_that_is_none(self) -> None:
        for public in ("", "ssh-rsa", "ssh-ed25519 AAAA\nssh-ed25519 BBBB", "ssh-ed25519 !!!!", "ü"):
            body = {"keypair": {"name": "never", "public_key": public}}
            self.refused("compute", await self.demo.ask("POST", "/compute/v2.1/os-keypairs", body), 400)


class AddressTests(LiveCase):
    """Paths, queries, methods and versions."""

    async def test_paths_that_hide_something(self) -> None:
        for service, path in LISTS:
            for hidden in ("%2f", "a%2Fb", "%5c", "a%00b", "a%0d%0ab", "%ff", "%", "%zz", "%25", "<a>"):
                answer = await self.demo.ask("GET", f"{BASES[service]}{path}/{hidden}")
                self.refused(service, answer, 400, about=f"{path} {hidden}")

    async def test_paths_that_lead_nowhere(self) -> None:
        for service, path in LISTS:
            for way in ("//x", "/./x", "/../servers", "/%2e%2e", f"/{'x' * 5000}", "/a/b/c/d"):
                answer = await self.demo.ask("GET", f"{BASES[service]}{path}{way}")
                self.refused(service, answer, 404, about=f"{path} {way}")

    async def test_an_action_is_not_reached_by_a_slash_in_an_id(self) -> None:
        answer = await self.demo.ask("POST", f"/compute/v2.1/servers/{NOBODY}%2faction", {"os-stop": None})
        self.refused("compute", answer, 400)

    async def test_queries(self) -> None:
        for service, path in LISTS:
            for query in ("limit=%00", "name=%ff", "a=%zz", "a=b\xe9", "&".join(["a=1"] * 1001)):
                answer = await self.demo.ask("GET", f"{BASES[service]}{path}?{query}")
                self.refused(service, answer, 400, about=f"{path} {query[:20]}")

    async def test_values_of_queries(self) -> None:
        for path in (
            "/servers?limit=x",
            "/servers?limit=-1",
            "/servers?marker=x",
            f"/servers?marker={NOBODY}",
            "/servers?sort_key=colour",
            "/servers?sort_dir=up",
            "/servers?changes-since=yesterday",
            "/servers?name=(a%2B)%2B%5B",
            "/os-keypairs?limit=x",
            "/os-keypairs?marker=nobody",
            "/flavors?limit=x",
            "/flavors?marker=nobody",
        ):
            answer = await self.demo.ask("GET", "/compute/v2.1" + path)
            self.refused("compute", answer, 400, about=f"{path}")

    async def test_wrong_methods(self) -> None:
        for service, path in LISTS:
            answer = await self.demo.ask("PATCH", BASES[service] + path)
            self.refused(service, answer, 405, about=f"{path}")
            self.assertIn("GET", answer.headers["allow"])
        answer = await self.demo.ask("PUT", "/identity/v3/auth/tokens")
        self.refused("identity", answer, 405)
        self.assertEqual(answer.headers["allow"], "DELETE, GET, HEAD, OPTIONS, POST")

    async def test_microversions(self) -> None:
        for header, value, code in (
            ("OpenStack-API-Version", "compute 2.999", 406),
            ("OpenStack-API-Version", "compute 2.0", 406),
            ("OpenStack-API-Version", "compute 3.0", 406),
            ("OpenStack-API-Version", "compute banana", 400),
            ("OpenStack-API-Version", "compute 2.1.1", 400),
            ("OpenStack-API-Version", "compute 2.01", 400),
            ("OpenStack-API-Version", "compute -2.1", 400),
            ("OpenStack-API-Version", f"compute 2.{'9' * 400}", 400),
            ("X-OpenStack-Nova-API-Version", "2.999", 406),
            ("X-OpenStack-Nova-API-Version", "two", 400),
        ):
            headers = {"OpenStack-API-Version": "", header: value}
            for path in ("/servers", "/flavors/1", f"/servers/{NOBODY}"):
                answer = await self.demo.ask("GET", f"/compute/v2.1{path}", headers=headers)
                self.refused(
                    "compute",
                    answer,
                    code,
                    "2.104" if code == 406 else "API Version String",
                    about=f"{value[:20]} {path}",
                )

    async def test_heads_of_requests(self) -> None:
        """What is no HTTP, or could be read in two ways, is refused before anything is routed."""
        path = "/compute/v2.1/servers"
        for what, code, data in (
            ("no host", 400, self.demo.bytes_of("GET", path, headers={"Host": ""})),
            ("two lengths", 400, self.demo.bytes_of("POST", path, b"", {"content-length": "5"})),
            ("length and chunks", 400, self.demo.bytes_of("POST", path, b"", {"Transfer-Encoding": "chunked"})),
            ("a signed length", 400, self.demo.bytes_of("POST", path, headers={"Content-Length": "+2"})),
            ("a folded line", 400, self.demo.bytes_of("GET", path, headers={"X-A": "b\r\n c"})),
            ("large headers", 431, self.demo.bytes_of("GET", path, headers={"X-A": "b" * 20_000})),
            ("a long line", 414, self.demo.bytes_of("GET", path + "?" + "a" * 70_000)),
            ("old HTTP", 505, self.demo.bytes_of("GET", path).replace(b"HTTP/1.1", b"HTTP/1.0")),
            ("compressed", 415, self.demo.bytes_of("POST", path, b"", {"Content-Encoding": "gzip"})),
        ):
            answer = await speak(reactor, self.demo.url, data)
            self.refused("compute", answer, code, about=what)
