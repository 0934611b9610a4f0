"""Requests by chance over every route there is: right, nearly right, odd, and broken by the byte."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import quote

from dicot.web.api import Api
from dicot.web.prefixes import PREFIXES
from tests.compute.bodies.bodies import Maker
from tests.compute.bodies.values import GOOD, ODD
from tests.web.test_mutation import SPLINTERS

NEWEST = 104
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X")
TEXTS = tuple(value for value in ODD if isinstance(value, str))
SEGMENTS = (
    *(
        "x",
        "0",
        "detail",
        "action",
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "%00",
        "%0d%0a",
        "a%2fb",
        "%",
        "%zz",
        "%c3%28",
        "a;b",
    ),
    *(
        "a;b",
        "~",
        "*",
        "a b",
        "\u00e9",
        "x" * 300,
        "%ff",
        "%u0041",
        "None",
        "null",
        "-1",
        "{id}",
        "<id>",
        "'",
        "a,b",
        ":",
    ),
    "00000000-0000-4000-8000-000000000000",
)
PARAMETERS: tuple[str, ...] = (
    *("limit", "marker", "sort_key", "sort_dir", "sort", "name", "status", "all_tenants", "changes-since", "fields"),
    *(
        "changes-before",
        "ip",
        "ip6",
        "tags",
        "tags-any",
        "not-tags",
        "not-tags-any",
        "flavor",
        "image",
        "host",
        "uuid",
    ),
    *("deleted", "project_id", "tenant_id", "user_id", "reservation_id", "availability_zone", "locked", "visibility"),
    *(
        "owner",
        "member_status",
        "id",
        "network_id",
        "device_id",
        "fixed_ips",
        "page_reverse",
        "start",
        "end",
        "detailed",
    ),
    *(
        "uuid",
        "detailed",
        "is_public",
        "minRam",
        "minDisk",
        "type",
        "os_hidden",
        "protected",
        "size_min",
        "created_at",
        "access_ip_v4",
    ),
)
SORTS = ("display_name", "created_at", "uuid", "vm_state", "name", "id", "updated_at", "size", "status", "nothing")
VALUES: tuple[str, ...] = (
    *TEXTS,
    *(
        "1",
        "1000",
        "1001",
        "0",
        "-1",
        "99999999999999999999",
        "asc",
        "desc",
        "ACTIVE",
        "error",
        "public",
        "true",
        "1",
    ),
    *(
        "(a+)+$",
        "a{0,1000}{0,1000}",
        "[",
        "(?P<x",
        "\\",
        ".*",
        "^web",
        "2026-11-20T10:00:00Z",
        "2026-13-40",
        "in:a,b",
    ),
    *("gt:2026-01-01T00:00:00Z", "neq:5", "10.0", "10.0.0.1", "ip_address=10.0.0.1", "name:asc,id", "x" * 3000),
)
FIELDS = ("Content-Type", "Accept", "Expect", "Range", "If-None-Match", "X-Forwarded-For", "X-Project-Id", "X-Roles")
FIELD_VALUES = (
    *(
        "application/json",
        "text/html",
        "*/*",
        "application/json;q=0",
        "application/xml",
        ",",
        "",
        ";",
        "a/b/c",
        "x" * 999,
    ),
    *("100-continue", "bytes=0-", "127.0.0.1", "\u00e9", "admin", "application/json; charset=utf-16", "text/plain"),
)
NO_BODIES = (b"[]" * 2000, b"{", b"\xff", b'"\\ud800"', b"[" * 5000, b"0" * 5000, b"NaN", b"\x00", b"[]", b"0")
LOGIN = {"name": "nobody", "password": "wrong", "domain": {"id": "default"}}
SEEDS: dict[str, tuple[Any, ...]] = {
    "POST /auth/tokens": (
        {"auth": {"identity": {"methods": ["password"], "password": {"user": LOGIN}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}, "scope": {"project": {"id": "1" * 32}}}},
        {"auth": {"identity": {"methods": ["password", "totp"]}, "scope": {"system": {"all": True}}}},
        {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": "x"}},
                "scope": {"domain": {"name": "Default"}},
            }
        },
    ),
    "POST /servers/<id>/metadata": ({"metadata": {"a": "b"}}, {"metadata": {}}),
    "PUT /servers/<id>/metadata": ({"metadata": {"a": "b", "c": "d"}},),
    "PUT /servers/<id>/metadata/<key>": ({"meta": {"a": "b"}}, {"meta": {"other": "b"}}),
    "PUT /servers/<id>/tags": ({"tags": ["a", "b"]}, {"tags": []}),
    "POST /os-server-groups": (
        {"server_group": {"name": "a", "policies": ["affinity"]}},
        {"server_group": {"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": 3}}},
    ),
}
ACTIONS: dict[str, tuple[Any, ...]] = {
    "reboot": ({"type": "SOFT"}, {"type": "HARD"}),
    "lock": (None, {"locked_reason": "a"}),
}
OFTEN = 6
"""How often those come that there are most ways to ask for."""
MADE = {"POST /servers": "create", "PUT /servers/<id>": "update", "POST /os-keypairs": "keypair"}


class Fuzz:
    """Makes requests. ``ids`` are what placeholders of routes may stand for, ``tokens`` whose they may be.
    ``subjects`` are tokens that may be asked for, and revoked."""

    def __init__(self, dice: Random, apis: Sequence[Api], tokens: Sequence[str], subjects: Sequence[str]) -> None:
        self.ids: list[str] = ["x"]
        self._dice = dice
        self._tokens = tokens
        self._subjects = subjects
        self._routes = [
            (api.dialect.service, endpoint, tuple(route.actions))
            for api in apis
            for endpoint, route in api._routes.items()
            for _ in range(OFTEN if endpoint in MADE or route.actions else 1)
        ]

    def request(self) -> tuple[bytes, bool]:
        """The bytes of one, or of some; whether they are one whole request."""
        data = self._whole()
        if self._dice.random() < 0.7:
            return data, True
        return self._broken(data * self._dice.choice((1, 1, 1, 2))), False

    def _whole(self) -> bytes:
        service, endpoint, actions = self._dice.choice(self._routes)
        method, url = endpoint.split(" ")
        minor = self._dice.randrange(1, NEWEST)
        body = self._body(method, url, actions, minor) if method in ("POST", "PUT", "PATCH") else b""
        if self._dice.random() < 0.04:
            method = self._dice.choice(METHODS)
        if self._dice.random() < 0.03:
            body = self._dice.choice(
                (b"[]" * 2000, b"{", b"\xff", b'"\\ud800"', b"[" * 5000, b"0" * 5000, b"NaN", b"\x00")
            )
        path = PREFIXES[service] + self._filled(url) + self._query()
        fields = {"Host": "a", **self._fields(service, minor)}
        if body or self._dice.random() < 0.02:
            fields |= {"Content-Length": str(len(body)), "Content-Type": "application/json"}
        if self._dice.random() < 0.05:
            fields[self._dice.choice(FIELDS)] = self._dice.choice(FIELD_VALUES)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + body

    def _fields(self, service: str, minor: int) -> dict[str, str]:
        chance, found = self._dice.random(), dict[str, str]()
        if chance < 0.94:
            found["X-Auth-Token"] = self._dice.choice(self._tokens)
        elif chance < 0.97:
            token = self._dice.choice(self._tokens)
            place = self._dice.randrange(len(token))
            found["X-Auth-Token"] = token[:place] + self._dice.choice("aZ_=\u00e9 ") + token[place + 1 :]
        if service == "compute" and self._dice.random() < 0.8:
            version = (
                f"2.{self._dice.randrange(1, NEWEST)}" if self._dice.random() < 0.95 else self._dice.choice(TEXTS)
            )
            found["OpenStack-API-Version"] = f"compute {version}".replace("\n", "")
        if service == "identity" and self._dice.random() < 0.5:
            found["X-Subject-Token"] = self._dice.choice(self._subjects)
        return found

    def _filled(self, url: str) -> str:
        parts = [
            quote(self._dice.choice(self.ids), safe="") if part.startswith("<") else part for part in url.split("/")
        ]
        if self._dice.random() < 0.06:
            parts[self._dice.randrange(len(parts))] = self._dice.choice(SEGMENTS).replace(" ", "%20")
        if self._dice.random() < 0.02:
            parts.insert(self._dice.randrange(len(parts)), "")
        return "/".join(parts)

    def _query(self) -> str:
        if self._dice.random() < 0.5:
            return ""
        pairs = []
        for _ in range(self._dice.choice((1, 1, 2, 3, 12))):
            name = self._dice.choice(PARAMETERS if self._dice.random() < 0.95 else TEXTS)
            value = self._dice.choice(SORTS if name.startswith("sort") else (*VALUES, *self.ids))
            escaped = quote(value, safe="") if self._dice.random() < 0.95 else value.replace(" ", "+")
            pairs.append(f"{quote(name)}={escaped}" if self._dice.random() < 0.98 else escaped)
        return "?" + self._dice.choice("&&&&&&&;").join(pairs).replace("\r", "").replace("\n", "")

    def _body(self, method: str, url: str, actions: Sequence[str], minor: int) -> bytes:
        route = f"{method} {url}"
        if route in MADE:
            maker = Maker(MADE[route], minor, str(self._dice.randrange(2**31)))
            ways = (maker.fitting, maker.mistaken, maker.mistaken)
            found = self._dice.choice(
                (*ways, maker.modest, maker.with_devices) if route == "POST /servers" else ways
            )()
        elif actions:
            action = self._dice.choice(actions)
            found = {action: self._dice.choice(ACTIONS.get(action, (None,)))}
        else:
            found = copy.deepcopy(self._dice.choice(SEEDS.get(route, ({},))))
        if self._dice.random() < 0.3:
            found = self._changed(found)
        return json.dumps(found, ensure_ascii=self._dice.random() < 0.5).encode("utf-8", "surrogatepass")

    def _changed(self, value: Any) -> Any:
        """The same with something odd in a place."""
        if self._dice.random() < 0.2 or not isinstance(value, dict | list) or not value:
            return copy.deepcopy(self._dice.choice(ODD))
        if isinstance(value, list):
            place = self._dice.randrange(len(value))
            return [*value[:place], self._changed(value[place]), *value[place + 1 :]]
        key = self._dice.choice(list(value))
        if self._dice.random() < 0.1:
            return {**value, self._dice.choice(TEXTS): self._dice.choice(ODD)}
        if self._dice.random() < 0.1:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: self._changed(value[key])}

    def _broken(self, data: bytes) -> bytes:
        found = bytearray(data)
        for _ in range(self._dice.choice((1, 1, 2, 5))):
            at = self._dice.randrange(len(found) or 1)
            match self._dice.randrange(4):
                case 0 if found:
                    found[at] = self._dice.randrange(256)
                case 1:
                    del found[at : at + self._dice.randrange(8)]
                case 2:
                    found[at:at] = self._dice.choice(SPLINTERS)
                case _:
                    start = self._dice.randrange(len(found) or 1)
                    found[at:at] = found[start : start + 20]
        return bytes(found)


IMAGES = tuple(id for id in GOOD["image"] if id)
