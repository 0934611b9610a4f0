"""Somebody with a token and, if need be, in the name of somebody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPSConnection
from ssl import create_default_context
from types import MappingProxyType
from urllib.parse import urlsplit

import treq
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers

from tests.cluster.access import Access
from tests.cluster.control import ACCEPTED, ANSWER_TIMEOUT, JSON, Answer

NOTHING: Mapping[str, str] = MappingProxyType({})


def account(namespace: str, name: str) -> str:
    """The user name of a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


class Person:
    """Asks with a token and with headers such as Impersonate-User, on the connections of a pool."""

    def __init__(
        self, pool: HTTPConnectionPool, access: Access, token: str, headers: Mapping[str, str] = NOTHING
    ) -> None:
        self._pool = pool
        self._access = access
        self._token = token
        self._headers = headers
        roots = trustRootFromCertificates([Certificate.loadPEM(access.authority)])
        self._client = HTTPClient(Agent(reactor, BrowserLikePolicyForHTTPS(roots), pool=pool))

    def also(self, headers: Mapping[str, str]) -> Person:
        """The same one with more headers."""
        return Person(self._pool, self._access, self._token, {**self._headers, **headers})

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request, asked once; a body of bytes is sent as it is."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        own = {"Accept": ACCEPTED, "Content-Type": JSON, "Authorization": f"Bearer {self._token}"}
        response = await self._client.request(
            method,
            self._access.server + path,
            headers=Headers({name: [value] for name, value in {**own, **self._headers}.items()}),
            data=content,
            timeout=ANSWER_TIMEOUT,
        )
        return Answer(response.code, await treq.content(response))

    def spell(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """One request with headers that Twisted does not write; blocks."""
        server = urlsplit(self._access.server)
        trust = create_default_context(cadata=self._access.authority.decode())
        connection = HTTPSConnection(server.netloc, timeout=ANSWER_TIMEOUT, context=trust)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self._token}", **headers})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()
