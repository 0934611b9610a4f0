"""The server that gives volumes back: what it is told to serve, and what it answers."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import yaml
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import stamp
from dicot.sandbox.certificates import Authority
from dicot.sandbox.nodes.kinds import Pod
from dicot.sandbox.nodes.work import exporting
from dicot.sandbox.nodes.work.contents import Contents
from dicot.sandbox.nodes.work.exporting import HEADER, Export, Mounted, Shared
from dicot.sandbox.nodes.work.job import Held
from dicot.sandbox.nodes.work.names import Names
from dicot.sandbox.nodes.work.programs import EXPORTER, Ended, Programs, State

from .test_service import Book
from .things import NOW

URL = "https://e.n.svc"
IMAGE = Shared("pv-1", raw="/volumes/c/disk.img", packed="/volumes/c/disk.img.gz")
FILES = Shared("pv-2", folder="/volumes/f/dir/", archive="/volumes/f/disk.tar.gz")
EMPTY = Shared("pv-3", "/volumes/e/disk.img", "/volumes/e/disk.img.gz", "/volumes/e/dir/", "/volumes/e/disk.tar.gz")
SERVED = Export((IMAGE, FILES, EMPTY), machine="/manifests/all", secret="/manifests/secret")
CONTENT = bytes(range(256)) * 99
DATA = {
    "export-name": "x",
    "internal_host": "e.n.svc",
    "internal_ca_cm": json.dumps({"metadata": {"name": "ca"}, "data": {"ca.pem": "PEM"}}),
    "virtualmachine-manifest": json.dumps(
        {
            "metadata": {"name": "m"},
            "spec": {
                "dataVolumeTemplates": [{"metadata": {"name": "c"}, "spec": {"source": {"http": {"url": ""}}}}],
                "template": {
                    "spec": {
                        "volumes": [
                            {"name": "root", "dataVolume": {"name": "c"}},
                            {"name": "data", "persistentVolumeClaim": {"claimName": "f"}},
                            {"name": "seed", "cloudInitNoCloud": {}},
                        ]
                    }
                },
            },
        }
    ),
    "dv-f": json.dumps({"metadata": {"name": "f"}, "spec": {"source": {"http": {"url": ""}}, "storage": {}}}),
}


class Threads:
    """A reactor whose only thread is this one."""

    def getThreadPool(self) -> Threads:
        """See IReactorThreads."""
        return self

    def callInThreadWithCallback(self, done: Callable[[bool, Any], None], work: Any, *given: Any) -> None:
        """See ThreadPool."""
        try:
            result = work(*given)
        except Exception:
            done(False, Failure())
        else:
            done(True, result)

    def callFromThread(self, work: Any, *given: Any) -> None:
        """See IReactorFromThreads."""
        work(*given)


def pod(**settings: str) -> Manifest:
    """A Pod that serves claim ``c``."""
    container = {
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        "volumeMounts": [{"name": "token", "mountPath": "/token"}],
        "volumeDevices": [{"name": "v", "devicePath": "/dev/export-volumes/v"}],
    }
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "token", "secret": {}}]
    return {"metadata": {"namespace": "n"}, "spec": {"containers": [container], "volumes": volumes}}


class Manifests(SynchronousTestCase):
    """What a Pod says of what it is to serve."""

    def test_volumes_and_a_deadline(self) -> None:
        found = exporting.export(
            pod(
                VOLUME0_EXPORT_PATH="/dev/export-volumes/v",
                VOLUME0_EXPORT_RAW_URI="/r",
                VOLUME0_EXPORT_RAW_GZIP_URI="/p",
                EXPORT_VM_DEF_URI="/m",
                EXPORT_SECRET_DEF_URI="/s",
                DEADLINE="2027-01-15T09:00:00+01:00",
            ),
            lambda namespace, name: Held(f"{namespace}-{name}"),
        )
        self.assertEqual(found, Export([Shared("n-c", raw="/r", packed="/p")], "/m", "/s", 1_800_000_000.0))

    def test_files_for_as_long_as_it_is_there(self) -> None:
        settings = {"EXPORT_PATH": "/dev/export-volumes/v", "EXPORT_DIR_URI": "/d/", "EXPORT_ARCHIVE_URI": "/a"}
        named = {f"VOLUME0_{key}": value for key, value in settings.items()}
        found = exporting.export(pod(**named), lambda namespace, name: Held("pv"))
        self.assertEqual(found, Export([Shared("pv", folder="/d/", archive="/a")]))

    def test_a_claim_without_a_volume(self) -> None:
        made = pod(VOLUME0_EXPORT_PATH="/dev/export-volumes/v")
        self.assertRaises(LookupError, exporting.export, made, lambda namespace, name: None)


class Answers(SynchronousTestCase):
    """What is answered to whom."""

    def setUp(self) -> None:
        self.contents = Contents(Path(self.mktemp()), Threads())
        for volume in ("pv-1", "pv-2"):
            self.contents.path(volume).write_bytes(CONTENT)
        self.serve(Mounted("secret", DATA))

    def serve(self, mounted: Mounted, served: Export = SERVED) -> None:
        self.root = exporting.site(served, mounted, self.contents, Threads()).resource

    def ask(self, path: str, method: str = "GET", token: str = "secret", **headers: str) -> tuple[int, bytes]:
        """Code and body."""
        request: Any = DummyRequest([])
        place = urlsplit(path)
        request.path, request.method = place.path.encode(), method.encode()
        request.args = parse_qs(place.query.encode())
        for name, value in ({HEADER: token} if token else {}).items() | headers.items():
            request.requestHeaders.setRawHeaders(name, [value])
        body = self.root.getChild(b"", request).render(request)
        if body is NOT_DONE_YET:
            body = b"".join(request.written)
            self.assertEqual(request.finished, 1)
        return request.responseCode or 200, body

    def test_an_image(self) -> None:
        self.assertEqual(self.ask(IMAGE.raw), (200, CONTENT))
        self.assertEqual(self.ask(IMAGE.raw, range="bytes=1-3"), (206, CONTENT[1:4]))
        code, packed = self.ask(IMAGE.packed)
        self.assertEqual((code, gzip.decompress(packed)), (200, CONTENT))
        self.assertEqual(self.ask(IMAGE.packed, "HEAD"), (400, b""))
        self.assertEqual([each.name for each in self.contents.folder.iterdir() if each.name[0] == "."], [])

    def test_files(self) -> None:
        code, listing = self.ask(FILES.folder)
        self.assertEqual((code, b'<a href="disk.img">' in listing), (200, True))
        self.assertEqual(self.ask(f"{FILES.folder}disk.img"), (200, CONTENT))
        self.assertEqual(self.ask(FILES.folder.rstrip("/"), token="")[0], 301)
        code, packed = self.ask(FILES.archive)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            self.assertEqual(archive.getnames(), [".", "./disk.img"])
            member = archive.extractfile("./disk.img")
            assert member is not None
            self.assertEqual((code, member.read()), (200, CONTENT))

    def test_a_volume_that_nobody_has_written_to(self) -> None:
        for path in (EMPTY.raw, EMPTY.packed):
            self.assertEqual(self.ask(path), (500, b""))
        self.assertEqual(self.ask(f"{EMPTY.folder}disk.img"), (404, b"404 page not found\n"))
        self.assertNotIn(b"<a ", self.ask(EMPTY.folder)[1])
        with tarfile.open(fileobj=io.BytesIO(self.ask(EMPTY.archive)[1])) as archive:
            self.assertEqual(archive.getnames(), ["."])

    def test_who_may_ask(self) -> None:
        for token, code in (("secret", 200), ("other", 401), ("", 401)):
            self.assertEqual(self.ask(IMAGE.raw, token=token)[0], code, token)
            self.assertEqual(self.ask(f"{IMAGE.raw}?{HEADER}={token}", token="")[0], code, token)
        self.assertEqual(self.ask("/exportready", token=""), (200, b"OK"))
        self.assertEqual(self.ask("/volumes/d/disk.img", token=""), (404, b"404 page not found\n"))
        self.serve(Mounted(None))
        self.assertEqual(self.ask(IMAGE.raw), (500, b""))

    def test_a_machine(self) -> None:
        code, told = self.ask("/internal/manifests/all")
        authority, machine, volume = json.loads(told)["items"]
        self.assertEqual((code, authority["kind"], authority["data"]), (200, "ConfigMap", {"ca.pem": "PEM"}))
        carried = {"certConfigMap": "ca", "secretExtraHeaders": ["header-secret-x"]}
        (template,) = machine["spec"]["dataVolumeTemplates"]
        self.assertEqual(template["spec"]["source"]["http"], {"url": URL + IMAGE.packed, **carried})
        # Its path has no packed image, as it has files.
        self.assertEqual((volume["kind"], volume["spec"]["source"]["http"]), ("DataVolume", {"url": "", **carried}))
        _, text = self.ask("/internal/manifests/all", accept="application/yaml")
        self.assertEqual([each for each in yaml.safe_load_all(text) if each], [authority, machine, volume])
        self.assertEqual(self.ask("/internal/manifests/all", "POST")[0], 400)
        self.assertEqual(self.ask("/external/manifests/all")[0], 404)

    def test_a_token_for_cdi(self) -> None:
        (secret,) = json.loads(self.ask("/external/manifests/secret")[1])["items"]
        self.assertEqual((secret["kind"], secret["metadata"]), ("Secret", {"name": "header-secret-x"}))
        self.assertEqual(secret["stringData"], {"token": f"{HEADER}:secret"})

    def test_no_machine(self) -> None:
        self.serve(Mounted("secret"))
        for path in ("/internal/manifests/all", "/internal/manifests/secret"):
            self.assertEqual(self.ask(path)[0], 500)
        self.serve(Mounted("secret"), Export((IMAGE,)))
        self.assertEqual(self.ask("/internal/manifests/all")[0], 404)


class Servers(SynchronousTestCase):
    """The program in the Pod of an export."""

    def setUp(self) -> None:
        self.reactor, self.kube, self.names = MemoryReactorClock(), Book(), Names()
        contents = Contents(Path(self.mktemp()), self.reactor)
        self.programs = Programs(contents, self.kube, self.names, self.reactor, 2.0)  # type: ignore[arg-type]
        self.programs.clock = self.clock = Clock()
        self.clock.advance(NOW)
        self.addCleanup(self.programs.close)
        certificate, key = Authority.make("exports").issue("e", [])
        self.secrets = {
            "certificates": {"tls.crt": certificate, "tls.key": key},
            "token": {"token": b"secret"},
        }

    def state(self, **settings: str) -> State | None:
        """How the program of a Pod is that has these settings, with Secrets called as its volumes."""
        found = pod(VOLUME0_EXPORT_PATH="/dev/export-volumes/v", **settings)
        volumes = [{"name": each, "secret": {"secretName": each}} for each in self.secrets]
        found["spec"]["volumes"] = [found["spec"]["volumes"][0], *volumes]
        self.kube.objects[Place("", "v1", "pods", "n", "virt-export-a.b")] = found
        for name, data in self.secrets.items():
            encoded = {key: b64encode(value).decode() for key, value in data.items()}
            self.kube.objects[Place("", "v1", "secrets", "n", name)] = {"data": encoded}
        labels = {EXPORTER: "a.b"}
        made = msgspec.convert(
            {"metadata": {"name": "virt-export-a.b", "namespace": "n", "uid": "u", "labels": labels}}, Pod
        )
        return self.programs.state(made, lambda namespace, name: Held("pv"), lambda: "")

    def test_it_is_found_by_its_service(self) -> None:
        state = self.state()
        assert state is not None
        self.assertEqual((state.ready, state.ended), (True, None))
        self.assertEqual(self.names.find("virt-export-a-b.n.svc"), state.address)
        self.assertEqual([port for port, *_ in self.reactor.sslServers], [8443])

    def test_it_ends_by_the_clock_of_the_cluster(self) -> None:
        told = []
        self.programs.look = lambda namespace, name: told.append(name)
        self.state(DEADLINE=stamp(NOW + 60))
        self.clock.advance(59)
        self.assertEqual(told, ["virt-export-a.b"])
        self.clock.advance(1)
        state = self.state()
        assert state is not None
        self.assertEqual((state.ended, told), (Ended(0, ""), ["virt-export-a.b"] * 2))
        self.assertIsNone(self.names.find("virt-export-a-b.n.svc"))
