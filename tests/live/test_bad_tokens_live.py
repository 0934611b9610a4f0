"""Tokens that do not count, and passwords that are wrong."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.internet import reactor

from dicot.cloud.callers.keys import PRIMARY, SECRET_NAME, newest, read_keys
from dicot.cloud.callers.tokens import ProjectScope, Tokens
from dicot.names import SYSTEM_NAMESPACE
from tests.live.case import BASES, LISTS, LiveCase
from tests.live.wire import Person, logged_in, request, speak


class TokenTests(LiveCase):
    """A token that does not count, whatever the reason: the same 401 everywhere."""

    async def unauthorized(self, service: str, path: str, token: str, about: str) -> None:
        answer = await self.demo.ask("GET", BASES[service] + path, headers={"X-Auth-Token": token})
        self.refused(service, answer, 401, "The request you have made requires authentication.", about)
        self.assertEqual(answer.headers["www-authenticate"], f'Keystone uri="{self.demo.url}/identity"')

    async def everywhere(self, tokens: Mapping[str, str]) -> None:
        for service, path in LISTS:
            for what, token in tokens.items():
                await self.unauthorized(service, path, token, f"{what} at {path}")

    async def test_no_token_or_another_text(self) -> None:
        await self.everywhere({"none": "", "a word": "token", "very long": "a" * 10_000, "not ASCII": "\xfc" * 166})

    async def test_cut_and_changed(self) -> None:
        token = self.demo.token
        middle = len(token) // 2
        flipped = "B" if token[middle] == "A" else "A"
        await self.everywhere(
            {
                "half": token[:middle],
                "without its end": token[:-1],
                "without its beginning": token[1:],
                "with more": token + "A",
                "twice": token + token,
                "changed": token[:middle] + flipped + token[middle + 1 :],
                "of another key": token[:2] + flipped * 4 + token[6:],
            }
        )

    async def test_spelt_otherwise(self) -> None:
        """The same bytes for a lenient reader of base64."""
        token = self.demo.token
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        self.assertEqual(len(token) % 4, 3, "its last letter has two bits to spare")
        last = alphabet.index(token[-1])
        await self.everywhere(
            {
                "padded": token + "=",
                "dotted": token[:5] + "." + token[5:],
                "split": token[:5] + " " + token[5:],
                "in quotes": f'"{token}"',
                "with stray bits": token[:-1] + alphabet[last ^ 1],
                "in the other alphabet": "+/" + token.replace("-", "+").replace("_", "/")[2:],
            }
        )

    async def test_expired(self) -> None:
        """It is good in every other way: the same with time left is accepted."""
        headers = {"X-Auth-Token": await self.sealed(60)}
        answer = await self.demo.ask("GET", "/compute/v2.1/servers", headers=headers)
        self.assertEqual(answer.code, 200, str(answer))
        await self.everywhere({"expired": await self.sealed(-1)})

    async def test_revoked(self) -> None:
        other = await logged_in(reactor, self.demo.url, "demo", self.daemon.ground.passwords["demo"])
        gone = await self.demo.ask("DELETE", "/identity/v3/auth/tokens", headers={"X-Subject-Token": other.token})
        self.assertEqual(gone.code, 204, str(gone))

        async def noticed() -> bool:
            return (await other.ask("GET", "/compute/v2.1/servers")).code == 401

        await self.cluster.until(5, "the revocation to count", noticed)
        await self.everywhere({"revoked": other.token})

    async def test_a_subject_that_does_not_count(self) -> None:
        for subject in ("x", self.demo.token[:-1], self.demo.token + "="):
            headers = {"X-Subject-Token": subject}
            for method in ("GET", "DELETE"):
                answer = await self.demo.ask(method, "/identity/v3/auth/tokens", headers=headers)
                self.refused("identity", answer, 404, "Could not find token.")

    async def test_wrong_passwords_and_unknown_users_are_alike(self) -> None:
        answers = []
        for user, password in (("demo", "wrong"), ("nobody-at-all", "wrong")):
            domain = {"id": "default"}
            proof = {"user": {"name": user, "domain": domain, "password": password}}
            body = {"auth": {"identity": {"methods": ["password"], "password": proof}}}
            data = request("POST", "/identity/v3/auth/tokens", json.dumps(body).encode())
            answers.append(await speak(reactor, self.demo.url, data))
            self.refused("identity", answers[-1], 401)
        self.assertEqual(answers[0].body, answers[1].body)

    async def test_another_projects_id_in_the_url(self) -> None:
        answer = await self.demo.ask("GET", f"/compute/v2.1/{self.admin.project}/servers")
        text = (
            f"Malformed request URL: URL's project_id '{self.admin.project}' doesn't match Context's project_id "
            f"'{self.demo.project}'"
        )
        self.refused("compute", answer, 400, text)

    async def sealed(self, life: int) -> str:
        """A token as the daemon would seal it, with another life."""
        path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/secrets/{SECRET_NAME}"
        key = newest(read_keys((await self.cluster.get(path))["data"]), PRIMARY)
        assert key is not None
        ring: Any = _Ring((key.id, AESGCM(key.secret)))
        tokens = Tokens(ring, os.urandom, life)
        scope, methods = ProjectScope(self.demo.project), frozenset(("password",))
        return tokens.write(
            tokens.fresh(self.demo.user, scope, methods, await self.generation(self.demo), time.time())
        )

    async def generation(self, person: Person) -> int:
        path = f"/apis/identity.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/users"
        users = (await self.cluster.get(path))["items"]
        [found] = [user["spec"] for user in users if user["metadata"]["labels"]["dicot.io/id"] == person.user]
        return int(found.get("credentialGeneration", 0))


class _Ring:
    """A key, as Tokens asks for it."""

    def __init__(self, sealing: tuple[bytes, AESGCM]) -> None:
        self.sealing = sealing

    def listen(self, listener: Callable[[], None]) -> None:
        """It stays as it is."""
