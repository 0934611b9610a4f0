"""Credentials from kubeconfigs and Pods."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from dicot.kube import credentials as by_process
from dicot.kube.credentials import Credentials, TokenFile, Unusable
from dicot.kube.errors import Headers, Unreachable
from dicot.kube.plugin import LONGEST_OUTPUT, Plugin, Program
from dicot.kube.settings import here

from .certificates import authority, signed

load = partial(by_process.load, reading=here)
in_cluster = partial(by_process.in_cluster, reading=here)
API = "client.authentication.k8s.io/v1"


def granted(api_version: str = API, **status: str) -> bytes:
    """What a plugin prints."""
    return json.dumps({"apiVersion": api_version, "kind": "ExecCredential", "status": status}).encode()


_ODD = "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters: [{name: k, cluster: odd}]"


class Child:
    """The transport of a child process that a test plays."""

    def __init__(self, protocol: Any, argv: Sequence[str], env: dict[str, str]) -> None:
        self.protocol = protocol
        self.argv = argv
        self.env = env
        self.signals: list[str] = []
        self.stdin_open = True

    def closeStdin(self) -> None:
        """See IProcessTransport."""
        self.stdin_open = False

    def signalProcess(self, signal: str) -> None:
        """See IProcessTransport."""
        self.signals.append(signal)

    def end(self, output: bytes, complaint: bytes = b"", code: int = 0) -> None:
        """It prints and exits."""
        self.protocol.outReceived(output)
        self.protocol.errReceived(complaint)
        self.protocol.processEnded(Failure(ProcessTerminated(code) if code else ProcessDone(0)))


class Machine(Clock):
    """A reactor whose children a test plays."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[Child] = []

    def spawnProcess(
        self, processProtocol: IProcessProtocol, executable: str, args: Sequence[str], env: dict[str, str]
    ) -> Child:
        """See IReactorProcess."""
        child = Child(processProtocol, args, env)
        self.children.append(child)
        processProtocol.makeConnection(child)  # type: ignore[arg-type]
        return child


class Files(SynchronousTestCase):
    """What tests of files need."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.machine = Machine()

    def kubeconfig(self, user: dict[str, Any], **cluster: Any) -> str:
        """A kubeconfig with one context."""
        path = self.folder / "config"
        path.write_text(
            yaml.safe_dump(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                    "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443/"} | cluster}],
                    "users": [{"name": "u", "user": user}],
                }
            )
        )
        return str(path)

    def load(self, user: dict[str, Any], **cluster: Any) -> Credentials:
        """The credentials of such a kubeconfig."""
        return load(self.kubeconfig(user, **cluster), "", self.machine, now=self.machine.seconds, environ={"A": "1"})

    def headers(self, credentials: Credentials, stale: bool = False) -> Headers:
        """What it proves itself with, now."""
        return self.successResultOf(Deferred.fromCoroutine(credentials.authorize(stale)))

    def refusal(self, user: dict[str, Any], **cluster: Any) -> str:
        """Why such a kubeconfig is not usable."""
        return str(self.assertRaises(Unusable, self.load, user, **cluster))


class Kubeconfigs(Files):
    """What is read of a kubeconfig."""

    def test_server_and_token(self) -> None:
        credentials = self.load({"token": "t"})
        self.assertEqual(credentials.server, "https://127.0.0.1:6443")
        self.assertEqual(self.headers(credentials), {"Authorization": "Bearer t"})

    def test_password(self) -> None:
        headers = self.headers(self.load({"username": "u", "password": "p"}))
        self.assertEqual(headers, {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()})

    def test_a_certificate_is_proof_enough(self) -> None:
        made = signed("dicot", authority("ca"))
        user = {
            "client-certificate-data": base64.b64encode(made.certificate).decode(),
            "client-key-data": base64.b64encode(made.key).decode(),
        }
        self.assertEqual(self.headers(self.load(user)), {})

    def test_paths_are_relative_to_the_kubeconfig(self) -> None:
        (self.folder / "token").write_text("t\n")
        (self.folder / "ca.crt").write_bytes(authority("ca").certificate)
        credentials = self.load({"tokenFile": "token"}, **{"certificate-authority": "ca.crt"})
        self.assertEqual(self.headers(credentials), {"Authorization": "Bearer t"})

    def test_a_context_by_name(self) -> None:
        path = self.kubeconfig({"token": "t"})
        self.assertIn("other", str(self.assertRaises(Unusable, load, path, "other", self.machine)))
        self.assertEqual(load(path, "c", self.machine).server, "https://127.0.0.1:6443")

    def test_a_context_without_a_user(self) -> None:
        path = self.folder / "config"
        path.write_text(
            '{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],"users":null,'
            '"clusters":[{"name":"k","cluster":{"server":"http://127.0.0.1:8001"}}]}'
        )
        self.assertEqual(self.headers(load(str(path), "", self.machine)), {})

    def test_plain_http_is_for_a_sandbox(self) -> None:
        self.assertEqual(self.load({"token": "t"}, server="http://127.0.0.1:8001").server, "http://127.0.0.1:8001")

    def test_refusals_name_what_is_wrong(self) -> None:
        bad = base64.b64encode(b"no certificate").decode()
        self.assertIn("insecure-skip-tls-verify", self.refusal({}, **{"insecure-skip-tls-verify": True}))
        self.assertIn("proxy-url", self.refusal({}, **{"proxy-url": "http://p"}))
        self.assertIn("auth-provider", self.refusal({"auth-provider": {"name": "gcp"}}))
        self.assertIn("clusters.server", self.refusal({}, server="ftp://x"))
        self.assertIn("interactiveMode", self.refusal({"exec": {"command": "x", "interactiveMode": "Always"}}))
        self.assertIn("apiVersion", self.refusal({"exec": {"command": "x"}}))
        self.assertIn("nowhere", self.refusal({}, **{"certificate-authority": "nowhere"}))
        self.assertIn("config: ", self.refusal({}, **{"certificate-authority-data": bad}))
        self.assertIn("absent", str(self.assertRaises(Unusable, load, "absent", "", self.machine)))

    def test_broken_yaml_and_wrong_shapes(self) -> None:
        path = self.folder / "config"
        for text in ("{", "", "[]", "x: 1", "contexts: 1", "current-context: c\ncontexts: [1]", _ODD):
            path.write_text(text)
            self.assertRaises(Unusable, load, str(path), "", self.machine)

    def test_insecure_only_when_asked_for(self) -> None:
        path = self.kubeconfig({}, **{"insecure-skip-tls-verify": True})
        self.assertEqual(load(path, "", self.machine, allow_insecure=True).server, "https://127.0.0.1:6443")


class Pods(Files):
    """What is read in a Pod."""

    def test_server_and_token(self) -> None:
        token, ca = self.folder / "token", self.folder / "ca.crt"
        token.write_text("one")
        ca.write_bytes(authority("ca").certificate)
        environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
        credentials = in_cluster(self.machine, environ, str(token), str(ca))
        self.assertEqual(credentials.server, "https://[fd00::1]:443")
        self.assertEqual(self.headers(credentials), {"Authorization": "Bearer one"})

    def test_not_in_a_pod(self) -> None:
        self.assertIn("host/port", str(self.assertRaises(Unusable, in_cluster, self.machine, {})))


class Processes(Files):
    """The files are read by a process of its own."""

    def test_kubeconfig(self) -> None:
        path = self.kubeconfig({"token": "t"})
        found = by_process.load(path, "", self.machine)
        self.assertEqual(
            (found.server, self.headers(found)), ("https://127.0.0.1:6443", {"Authorization": "Bearer t"})
        )
        refusal = str(self.assertRaises(Unusable, by_process.load, path, "other", self.machine))
        self.assertIn("other", refusal)

    def test_pod(self) -> None:
        token, ca = self.folder / "token", self.folder / "ca.crt"
        token.write_text("one")
        ca.write_bytes(authority("ca").certificate)
        environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
        found = by_process.in_cluster(self.machine, environ, str(token), str(ca))
        self.assertEqual(found.server, "https://10.0.0.1:443")

    def test_process_that_fails(self) -> None:
        path = self.kubeconfig({"token": "t"})
        for executable in ("/nowhere/python", "/bin/false"):
            self.patch(sys, "executable", executable)
            refusal = str(self.assertRaises(Unusable, by_process.load, path, "", self.machine))
            self.assertIn("could not be read", refusal)

    def test_the_package_stays_away(self) -> None:
        code = "import sys, dicot.tap; sys.exit('kubernetes' in sys.modules)"
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.assertEqual(subprocess.run([sys.executable, "-c", code], env=environ).returncode, 0)


class TokenFiles(Files):
    """A token in a file."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "token"
        self.path.write_text("one")
        self.proof = TokenFile(str(self.path), self.machine)

    def token(self, stale: bool = False) -> str:
        """The token of now."""
        return self.successResultOf(Deferred.fromCoroutine(self.proof.headers(stale)))["Authorization"]

    def test_read_again_each_minute(self) -> None:
        self.assertEqual(self.token(), "Bearer one")
        self.path.write_text("two")
        self.machine.advance(59)
        self.assertEqual(self.token(), "Bearer one")
        self.machine.advance(1)
        self.assertEqual(self.token(), "Bearer two")

    def test_read_again_when_refused(self) -> None:
        self.token()
        self.path.write_text("two\n")
        self.assertEqual(self.token(stale=True), "Bearer two")

    def test_the_last_one_counts_while_the_file_is_away(self) -> None:
        self.token()
        self.path.unlink()
        self.assertEqual(self.token(stale=True), "Bearer one")
        self.path.write_text("")
        self.assertEqual(self.token(stale=True), "Bearer one")

    def test_none_at_all(self) -> None:
        self.path.unlink()
        self.failureResultOf(Deferred.fromCoroutine(self.proof.headers(False)), Unreachable)


class Plugins(Files):
    """Credential plugins."""

    def setUp(self) -> None:
        super().setUp()
        self.told: dict[str, Any] = {
            "apiVersion": API,
            "command": "plug",
            "args": ["--x"],
            "env": [{"name": "B", "value": "2"}],
        }

    def start(self, credentials: Credentials, stale: bool = False) -> "Deferred[Headers]":
        """Ask, without an answer yet."""
        return Deferred.fromCoroutine(credentials.authorize(stale))

    def test_what_is_run(self) -> None:
        self.told["provideClusterInfo"] = True
        self.start(self.load({"exec": self.told}))
        child = self.machine.children[0]
        told = json.loads(child.env.pop("KUBERNETES_EXEC_INFO"))
        self.assertEqual((child.argv, child.env, child.stdin_open), (("plug", "--x"), {"A": "1", "B": "2"}, False))
        cluster = {"server": "https://127.0.0.1:6443/"}
        spec = {"interactive": False, "cluster": cluster}
        self.assertEqual(told, {"apiVersion": API, "kind": "ExecCredential", "spec": spec})

    def test_a_path_is_relative_to_the_kubeconfig(self) -> None:
        self.told["command"] = "./plug"
        self.start(self.load({"exec": self.told}))
        self.assertEqual(self.machine.children[0].argv[0], str(self.folder.absolute() / "plug"))

    def test_kept_until_it_expires(self) -> None:
        credentials = self.load({"exec": self.told})
        first = self.start(credentials)
        self.machine.children[0].end(granted(token="one", expirationTimestamp="1970-01-01T00:05:00Z"))
        self.assertEqual(self.successResultOf(first), {"Authorization": "Bearer one"})
        self.machine.advance(289)
        self.assertEqual(self.headers(credentials), {"Authorization": "Bearer one"})
        self.machine.advance(1)
        second = self.start(credentials)
        self.machine.children[1].end(granted(token="two"))
        self.assertEqual(self.successResultOf(second), {"Authorization": "Bearer two"})

    def test_run_again_when_refused_once_for_all(self) -> None:
        credentials = self.load({"exec": self.told})
        self.start(credentials)
        self.machine.children[0].end(granted(token="one"))
        self.machine.advance(60)
        asked = [self.start(credentials, stale=True) for _ in range(3)]
        self.assertEqual(len(self.machine.children), 2)
        self.machine.children[1].end(granted(token="two"))
        self.assertEqual([self.successResultOf(each)["Authorization"] for each in asked], ["Bearer two"] * 3)
        self.assertEqual(self.headers(credentials, stale=True), {"Authorization": "Bearer two"})

    def test_a_wall_clock_that_is_set_back_hides_no_refusal(self) -> None:
        path = self.kubeconfig({"exec": self.told})
        wall = [9000.0]
        credentials = load(path, "", self.machine, now=lambda: wall[0], environ={})
        self.start(credentials)
        self.machine.children[0].end(granted(token="one"))
        self.machine.advance(60)
        wall[0] = 1000.0
        asked = self.start(credentials, stale=True)
        self.machine.children[1].end(granted(token="two"))
        self.assertEqual(self.successResultOf(asked), {"Authorization": "Bearer two"})

    def test_one_who_leaves_does_not_end_the_run(self) -> None:
        credentials = self.load({"exec": self.told})
        leaving, staying = self.start(credentials), self.start(credentials)
        leaving.cancel()
        self.failureResultOf(leaving)
        later = self.start(credentials)
        self.assertEqual(len(self.machine.children), 1)
        self.machine.children[0].end(granted(token="one"))
        self.assertEqual(
            [self.successResultOf(each)["Authorization"] for each in (staying, later)], ["Bearer one"] * 2
        )

    def test_a_slow_one_is_killed(self) -> None:
        asked = self.start(self.load({"exec": self.told}))
        self.machine.advance(29.9)
        self.assertNoResult(asked)
        self.machine.advance(0.1)
        self.assertEqual(self.machine.children[0].signals, ["KILL"])
        self.assertIn("30 s", str(self.failureResultOf(asked, Unreachable).value))
        self.machine.children[0].end(granted(token="late"))

    def test_one_that_never_stops_printing_is_killed(self) -> None:
        asked = self.start(self.load({"exec": self.told}))
        self.machine.children[0].protocol.outReceived(b"x" * (LONGEST_OUTPUT + 1))
        self.assertEqual(self.machine.children[0].signals, ["KILL"])
        self.failureResultOf(asked, Unreachable)

    def test_failures_do_not_repeat_what_it_complained_of(self) -> None:
        asked = self.start(self.load({"exec": self.told}))
        self.machine.children[0].end(b"", b"the password is 123", code=1)
        self.assertNotIn("123", str(self.failureResultOf(asked, Unreachable).value))

    def test_garbage(self) -> None:
        credentials = self.load({"exec": self.told})
        for output in (
            b"",
            b"hello",
            b"{}",
            b"[]",
            granted("client.authentication.k8s.io/v1beta1", token="t"),
            granted(),
            granted(clientCertificateData="x"),
            granted(token="t", expirationTimestamp="soon"),
            granted(clientCertificateData="x", clientKeyData="y"),
            b'{"apiVersion":"' + API.encode() + b'","kind":"Other","status":{"token":"t"}}',
        ):
            asked = self.start(credentials)
            self.machine.children[-1].end(output)
            self.failureResultOf(asked, Unreachable)

    def test_a_certificate_is_used_from_then_on(self) -> None:
        made = signed("dicot", authority("ca"))
        credentials = self.load({"exec": self.told})
        drained: list[bool] = []
        credentials.tls.listen(lambda: drained.append(True))
        asked = self.start(credentials)
        self.machine.children[0].end(
            granted(clientCertificateData=made.certificate.decode(), clientKeyData=made.key.decode())
        )
        self.assertEqual((self.successResultOf(asked), drained), ({}, [True]))


class RealPlugins(TestCase):
    """The same with real programs."""

    def run_plugin(self, *argv: str) -> "Deferred[Any]":
        """What a program grants."""
        return Plugin(Program(argv, {"PATH": "/usr/bin:/bin"}, API), global_reactor, global_reactor).run()

    async def test_output_is_read(self) -> None:
        text = granted(token="t").decode()
        grant = await self.run_plugin(sys.executable, "-c", f"import sys; sys.stdin.read(); print({text!r})")
        self.assertEqual(grant.token, "t")

    async def test_exit_code_counts(self) -> None:
        text = granted(token="t").decode()
        code = f"import sys; print({text!r}); sys.exit(3)"
        await self.assertFailure(self.run_plugin(sys.executable, "-c", code), Unreachable)

    async def test_no_such_program(self) -> None:
        await self.assertFailure(self.run_plugin("/nowhere/plug"), Unreachable)
