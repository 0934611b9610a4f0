"""Where the API server is, and how Dicot proves who it is: from a kubeconfig or from the Pod that Dicot runs in.

The files are read once, at start, by the ``kubernetes`` package's own reading and merging of them, in a process of
its own. What may block or go stale is not left to it: plugins are child processes, token files and certificates are
read again.
"""

import base64
import binascii
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .errors import Headers, Unreachable
from .plugin import Grant, Plugin, Program
from .settings import Entry, Found, Reading, Unreadable, Wish, apart, found
from .trust import Pem, Tls

SERVICE_HOST, SERVICE_PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
"""By these variables a Pod knows the API server."""
SERVICE_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"
SERVICE_AUTHORITY_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
TOKEN_FILE_LIFE = 60.0
_EARLY = 10.0
_FRESH = 5.0
_log = Logger()


class Unusable(Exception):
    """The configuration cannot be used; the message names the file and the key."""


class Proof(Protocol):
    """How the account is proven."""

    async def headers(self, stale: bool) -> Headers:
        """The headers; ``stale`` asks for fresher ones than the last. Raises Unreachable."""
        ...


class Credentials:
    """One API server and one account on it; used by the client and by every reflector.

    ``server`` is the URL without a slash at its end, ``tls`` the policy for every Agent that goes there.
    """

    def __init__(self, server: str, tls: Tls, proof: Proof) -> None:
        self.server = server
        self.tls = tls
        self._proof = proof

    async def authorize(self, stale: bool = False) -> Headers:
        """Headers that prove the account. With ``stale`` the last ones were refused (401) and are made anew."""
        return await self._proof.headers(stale)


class Fixed:
    """Headers that never change; none at all where a client certificate is the proof."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    async def headers(self, stale: bool) -> Headers:
        """See Proof."""
        return self._headers


class TokenFile:
    """A token that the kubelet renews in its file: read again each minute and when it was refused."""

    def __init__(self, path: str, clock: IReactorTime) -> None:
        self._path = path
        self._clock = clock
        self._token = ""
        self._read_at = 0.0

    async def headers(self, stale: bool) -> Headers:
        """See Proof. A file that cannot be read now leaves the last token in force."""
        if stale or not self._token or self._clock.seconds() - self._read_at >= TOKEN_FILE_LIFE:
            self._read()
        return {"Authorization": f"Bearer {self._token}"}

    def _read(self) -> None:
        try:
            token = Path(self._path).read_text("ascii").strip()
        except (OSError, ValueError) as reason:
            token = ""
            _log.error("token file {path} is not readable: {reason}", path=self._path, reason=str(reason))
        if token:
            self._token = token
            self._read_at = self._clock.seconds()
        elif not self._token:
            raise Unreachable(f"no token in {self._path}")


class PluginProof:
    """What a credential plugin grants, kept until it expires, by the wall clock, or is refused."""

    def __init__(self, plugin: Plugin, tls: Tls, clock: IReactorTime, now: Callable[[], float]) -> None:
        self._plugin = plugin
        self._tls = tls
        self._clock = clock
        self._now = now
        self._grant: Grant | None = None
        self._granted_at = 0.0

    async def headers(self, stale: bool) -> Headers:
        """See Proof."""
        grant, since = self._grant, self._clock.seconds() - self._granted_at
        # Many requests are refused at once when a token ends: what was granted since then is fresh for all of them.
        refused = stale and since >= _FRESH
        if refused or grant is None or (grant.expires is not None and self._now() >= grant.expires - _EARLY):
            began = self._clock.seconds()
            grant = await self._plugin.run()
            self._show(grant)
            self._grant, self._granted_at = grant, began
        return {"Authorization": f"Bearer {grant.token}"} if grant.token else {}

    def _show(self, grant: Grant) -> None:
        if not grant.certificate:
            return
        try:
            self._tls.show(grant.certificate.encode(), grant.key.encode())
        except ValueError as reason:
            raise Unreachable(f"the credential plugin's certificate is not usable: {reason}") from reason


def load(
    kubeconfig: str,
    context: str,
    reactor: Any,
    *,
    allow_insecure: bool = False,
    environ: Mapping[str, str] = os.environ,
    now: Callable[[], float] = time.time,
    reading: Reading = apart,
) -> Credentials:
    """Credentials from the named kubeconfig; without a name those of the Pod, else of the usual kubeconfig.

    ``reactor`` provides IReactorTime and IReactorProcess. ``allow_insecure`` lets a kubeconfig switch verification
    off. Raises Unusable.
    """
    if not kubeconfig and environ.get(SERVICE_HOST):
        return in_cluster(reactor, environ, reading=reading)
    files = kubeconfig or environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        chosen = _Kubeconfig(found(Wish(files, context), reading), environ)
        return chosen.credentials(reactor, allow_insecure, now)
    except (Unreadable, OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise Unusable(f"{files}: {reason}") from reason


def in_cluster(
    clock: IReactorTime,
    environ: Mapping[str, str] = os.environ,
    token_file: str = SERVICE_TOKEN_FILE,
    authority_file: str = SERVICE_AUTHORITY_FILE,
    reading: Reading = apart,
) -> Credentials:
    """Credentials of the Pod that Dicot runs in. Raises Unusable."""
    told = {name: environ[name] for name in (SERVICE_HOST, SERVICE_PORT) if name in environ}
    wish = Wish(token_file=token_file, authority_file=authority_file, environ=told)
    try:
        host = found(wish, reading).host
        tls = Tls(Pem(path=authority_file))
    except (Unreadable, OSError, ValueError) as reason:
        raise Unusable(f"in-cluster settings: {reason}") from reason
    return Credentials(host, tls, TokenFile(token_file, clock))


class _Kubeconfig:
    """One context of a merged kubeconfig. A relative path in it is relative to the file that says it."""

    def __init__(self, chosen: Found, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._cluster = chosen.cluster
        self._user = chosen.user

    def credentials(self, reactor: Any, allow_insecure: bool, now: Callable[[], float]) -> Credentials:
        cluster, user = self._cluster.content, self._user.content
        server = cluster["server"].rstrip("/")
        _refuse(cluster, user, server, allow_insecure)
        tls = Tls(
            self._pem(cluster, "certificate-authority", self._cluster),
            self._pem(user, "client-certificate", self._user),
            self._pem(user, "client-key", self._user),
            cluster.get("tls-server-name", ""),
            bool(cluster.get("insecure-skip-tls-verify")),
        )
        return Credentials(server, tls, self._proof(user, cluster, tls, reactor, now))

    def _proof(
        self, user: Mapping[str, Any], cluster: Mapping[str, Any], tls: Tls, reactor: Any, now: Callable[[], float]
    ) -> Proof:
        if user.get("tokenFile"):
            return TokenFile(_beside(self._user, user["tokenFile"]), reactor)
        if user.get("token"):
            return Fixed({"Authorization": f"Bearer {user['token']}"})
        if user.get("exec"):
            program = self._program(user["exec"], cluster)
            return PluginProof(Plugin(program, reactor, reactor), tls, reactor, now)
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password', '')}".encode()
            return Fixed({"Authorization": f"Basic {base64.b64encode(pair).decode()}"})
        return Fixed({})

    def _program(self, told: Mapping[str, Any], cluster: Mapping[str, Any]) -> Program:
        if told.get("interactiveMode") == "Always":
            raise Unusable(f"users.exec: {told['command']} needs a terminal (interactiveMode: Always)")
        command = told["command"]
        # As kubectl does: a path is relative to the kubeconfig, a bare name is looked for in PATH.
        command = _beside(self._user, command) if os.sep in command else command
        extra = {pair["name"]: pair["value"] for pair in told.get("env") or ()}
        shown = _shown(cluster) if told.get("provideClusterInfo") else None
        return Program((command, *(told.get("args") or ())), {**self._environ, **extra}, told["apiVersion"], shown)

    def _pem(self, section: Mapping[str, Any], key: str, entry: Entry) -> Pem:
        encoded = section.get(f"{key}-data")
        if encoded:
            try:
                return Pem(base64.b64decode(encoded, validate=False))
            except binascii.Error as reason:
                raise Unusable(f"{key}-data is not base64") from reason
        return Pem(path=_beside(entry, section[key])) if section.get(key) else Pem()


def _beside(entry: Entry, path: str) -> str:
    folder = Path(entry.path).absolute().parent if entry.path else Path()
    return str(folder / Path(path).expanduser())


def _shown(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    """The cluster as a plugin with provideClusterInfo is told of it."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    shown = {key: cluster[key] for key in keys if key in cluster}
    for extension in cluster.get("extensions") or ():
        if extension["name"] == "client.authentication.k8s.io/exec":
            shown["config"] = extension["extension"]
    return shown


def _refuse(cluster: Mapping[str, Any], user: Mapping[str, Any], server: str, allow_insecure: bool) -> None:
    """Raises Unusable for what would not be honoured as it is written."""
    if urlsplit(server).scheme not in ("http", "https"):
        raise Unusable(f"clusters.server: {server!r} is neither http nor https")
    if cluster.get("insecure-skip-tls-verify") and not allow_insecure:
        raise Unusable("clusters.insecure-skip-tls-verify is refused unless kubernetes.allow_insecure is set")
    if cluster.get("proxy-url"):
        raise Unusable("clusters.proxy-url is not supported")
    if user.get("auth-provider"):
        raise Unusable("users.auth-provider: Kubernetes itself has dropped it; use users.exec")
