"""Volumes given back by VirtualMachineExports: of a claim, of a machine, of its snapshot; and what is refused.

It runs on the real programs and on the sandbox, with KubeVirt's gate VMExport open; the export server itself is
played by the nodes on both.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.static import File

from dicot.moments import seconds
from tests.cluster.control import Answer
from tests.cluster.objects import Document, named
from tests.contract_machine_snapshots import BLANK, is_filled, is_ready, snapshot
from tests.live.seen.carrier import TOKEN, Noise, give
from tests.live.seen.gates import open_gates, shown_open, until_refused
from tests.live.seen.objects import conditions, from_source, machine, rooted, volume
from tests.live.seen.stage import SeenTestCase

GROUP = "/apis/export.kubevirt.io/v1beta1"
AUTHORITY = "/api/v1/namespaces/kubevirt/configmaps/kubevirt-export-ca"
IMMEDIATE = {"cdi.kubevirt.io/storage.bind.immediate.requested": "true"}
SMALL = "8Mi"
SIZE = 3_000_017
ROOT = Noise(SIZE)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CLAIM, MACHINE, SNAPSHOT = "PersistentVolumeClaim", "VirtualMachine", "VirtualMachineSnapshot"
GROUPS = {MACHINE: "kubevirt.io", SNAPSHOT: "snapshot.kubevirt.io"}


def export(name: str, kind: str, of: str, **more: Any) -> Document:
    """An export of something."""
    source = {"kind": kind, "name": of} | ({"apiGroup": GROUPS[kind]} if kind in GROUPS else {})
    return named("VirtualMachineExport", name, None, "export.kubevirt.io/v1beta1", spec={"source": source} | more)


def said(found: Document) -> dict[str, tuple[str, str]]:
    """Status and reason of all conditions."""
    return {kind: (each["status"], each.get("reason", "")) for kind, each in conditions(found).items()}


def phase(found: Document) -> str:
    """How far it is."""
    word: str = found.get("status", {}).get("phase", "")
    return word


def plain(name: str) -> Document:
    """A claim of nobody's."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": SMALL}}}
    return named(CLAIM, name, None, spec=spec)


def user(name: str, claim: str) -> Document:
    """A Pod that has a claim."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    container = {"name": "main", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    return named("Pod", name, None, spec={"containers": [container], "volumes": volumes})


class Case(SeenTestCase):
    """What the classes below share."""

    GATES: tuple[str, ...] = ("VMExport",)

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.exports = f"{GROUP}/namespaces/{self.namespace}/virtualmachineexports"

    async def open(self) -> None:
        """Open the gates for a test."""
        await open_gates(self, *self.GATES)
        await shown_open(self, f"{self.exports}?dryRun=All", export("probe", CLAIM, "none"))

    async def offer_export(self, document: Document, query: str = "") -> Answer:
        return await self.control.ask("POST", self.exports + query, document)

    async def begin(self, document: Document) -> Document:
        """Ask for an export."""
        answer = await self.offer_export(document)
        self.assertEqual(answer.status, 201, answer.content)
        return answer.document

    async def comes_to(self, name: str, word: str) -> Document:
        """An export, once it is so far."""
        return await self.becomes(f"{self.exports}/{name}", word, lambda found: phase(found) == word)

    async def waits(self, name: str, reason: str) -> Document:
        """An export that is not ready, for that reason."""
        path = f"{self.exports}/{name}"
        return await self.becomes(path, reason, lambda found: said(found).get("Ready") == ("False", reason))

    def image(self, **storage: Any) -> Document:
        """The source of a volume with the bytes of ROOT, served for as long as the test runs."""
        folder = Path(self.mktemp())
        folder.mkdir()
        ROOT.write(folder / "raw")
        site: Any = Site(File(str(folder)))
        port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return from_source({"http": {"url": f"http://127.0.0.1:{port.getHost().port}/raw"}}, SMALL, **storage)

    async def filled(self, name: str) -> None:
        """A DataVolume, once it has its bytes."""
        await self.becomes(f"{self.volumes}/{name}", "filled", is_filled)

    async def fetch(self, found: Document, path: str, token: str | None, **more: Any) -> tuple[int, str, bytes]:
        """What the server of an export answers: code, media type and body. Its certificate is known by its host."""
        internal = found["status"]["links"]["internal"]
        pod = await self.control.get(f"{self.core}/pods/virt-export-{found['metadata']['name']}")
        host = f"virt-export-{found['metadata']['name']}.{self.namespace}.svc"
        return await give(pod["status"]["podIP"], host, path, internal["cert"].encode(), token, **more)

    async def token(self, found: Document) -> str:
        """The token of an export."""
        name = found["status"]["tokenSecretRef"]
        return b64decode((await self.control.get(f"{self.core}/secrets/{name}"))["data"]["token"]).decode()

    def urls(self, found: Document, shown: str, volume: str) -> dict[str, str]:
        """Where a volume is, by format; fails unless all are in the cluster, at its Service."""
        (formats,) = [
            each["formats"] for each in found["status"]["links"]["internal"][shown] if each["name"] == volume
        ]
        host = f"virt-export-{found['metadata']['name']}.{self.namespace}.svc"
        self.assertEqual({urlsplit(each["url"]).netloc for each in formats}, {host})
        self.assertEqual({urlsplit(each["url"]).scheme for each in formats}, {"https"})
        return {each["format"]: urlsplit(each["url"]).path for each in formats}

    async def gives(self, found: Document, volume: str) -> None:
        """Fails unless a volume comes back as the bytes of ROOT with zeros behind them, in both formats alike."""
        token, paths = await self.token(found), self.urls(found, "volumes", volume)
        self.assertEqual(sorted(paths), ["gzip", "raw"])
        code, _, raw = await self.fetch(found, paths["raw"], token)
        self.assertEqual((code, hashlib.sha256(raw[:SIZE]).hexdigest()), (200, ROOT.digest()))
        self.assertEqual(raw[SIZE:].strip(b"\0"), b"")
        code, media, packed = await self.fetch(found, paths["gzip"], token)
        self.assertEqual((code, media), (200, "application/x-gzip"))
        digests = {hashlib.sha256(each).hexdigest() for each in (raw, gzip.decompress(packed))}
        self.assertEqual(len(digests), 1)

    async def is_over(self, name: str) -> None:
        """Wait until nothing of an export is there."""
        for path in (
            f"{self.exports}/{name}",
            *(f"{self.core}/{plural}/virt-export-{name}" for plural in ("pods", "services")),
            f"{self.core}/secrets/export-token-{name}",
            f"{self.core}/configmaps/exporter-vm-manifest-{name}",
        ):
            await self.vanishes(path)


class ClaimTests(Case):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.open()

    async def test_what_a_claim_holds(self) -> None:
        await self.make(
            volume("held", self.image(), IMMEDIATE), named("Secret", "own-token", stringData={"token": TOKEN})
        )
        await self.filled("held")
        made = await self.begin(export("whole", CLAIM, "held", tokenSecretRef="own-token"))
        found = await self.comes_to("whole", "Ready")
        status = found["status"]
        self.assertEqual(said(found), {"Ready": ("True", "PodReady"), "PVCReady": ("True", "PVCBound")})
        self.assertEqual(status["serviceName"], "virt-export-whole")
        self.assertEqual(status["tokenSecretRef"], "own-token")
        self.assertNotIn("virtualMachineName", status)
        lasts = seconds(status["ttlExpirationTime"]) - seconds(made["metadata"]["creationTimestamp"])
        self.assertEqual(lasts, 7200)
        await self.shows_links(found)
        await self.gives(found, "held")
        await self.is_asked(found)

    async def shows_links(self, found: Document) -> None:
        """Where everything is told to be, and whom to trust."""
        links = found["status"]["links"]
        self.assertEqual(list(links), ["internal"])
        internal = links["internal"]
        trusted = (await self.control.get(AUTHORITY))["data"]["ca-bundle"]
        self.assertEqual(internal["cert"], trusted.strip())
        self.assertEqual([each["name"] for each in internal["volumes"]], ["held"])
        at = "/volumes/held/disk.img"
        self.assertEqual(self.urls(found, "volumes", "held"), {"raw": at, "gzip": f"{at}.gz"})
        host = f"https://virt-export-whole.{self.namespace}.svc/internal/manifests"
        self.assertEqual(
            internal["manifests"],
            [{"type": "all", "url": f"{host}/all"}, {"type": "auth-header-secret", "url": f"{host}/secret"}],
        )

    async def is_asked(self, found: Document) -> None:
        """Who may ask, and for what."""
        path = "/volumes/held/disk.img"
        for token, code in ((None, 401), ("wrong", 401), (TOKEN, 200)):
            self.assertEqual((await self.fetch(found, path, token))[0], code, token)
            self.assertEqual((await self.fetch(found, f"{path}.gz", token))[0], code, token)
        for token, code in (("wrong", 401), (TOKEN, 200)):
            asked = f"{path}?x-kubevirt-export-token={token.replace(' ', '%20')}"
            self.assertEqual((await self.fetch(found, asked, None))[0], code, asked)
        self.assertEqual((await self.fetch(found, "/volumes/other/disk.img", TOKEN))[0], 404)
        self.assertEqual(await self.fetch(found, "/exportready", None), (200, "text/plain; charset=utf-8", b"OK"))
        code, _, part = await self.fetch(found, path, TOKEN, headers={"range": "bytes=10-19"})
        self.assertEqual((code, part), (206, next(ROOT.blocks())[10:20]))
        self.assertEqual((await self.fetch(found, f"{path}.gz", TOKEN, method=b"HEAD"))[0], 400)
        # A claim alone says nothing of a machine.
        for what in ("all", "secret"):
            self.assertEqual((await self.fetch(found, f"/internal/manifests/{what}", TOKEN))[0], 500)

    async def test_what_belongs_to_an_export(self) -> None:
        await self.make(plain("mine"))
        made = named("VirtualMachineExport", "parts", None, "export.kubevirt.io/v1beta1")
        made["metadata"] |= {"labels": {"mine": "label"}, "annotations": {"mine": "note"}}
        asked = export("parts", CLAIM, "mine", ttlDuration="1h30m") | {"metadata": made["metadata"]}
        born = seconds((await self.begin(asked))["metadata"]["creationTimestamp"])
        found = await self.comes_to("parts", "Ready")
        self.assertEqual(seconds(found["status"]["ttlExpirationTime"]) - born, 5400)
        self.assertEqual(found["status"]["tokenSecretRef"], "export-token-parts")
        self.assertRegex(await self.token(found), r"\A[0-9A-Za-z]{20}\Z")
        service = await self.control.get(f"{self.core}/services/virt-export-parts")
        (port,) = service["spec"]["ports"]
        self.assertEqual((port["name"], port["port"], port["targetPort"]), ("export", 443, 8443))
        self.assertEqual(service["spec"]["selector"], {"kubevirt.io.virt-export-service": "parts"})
        self.assertEqual(service["metadata"]["labels"], {"kubevirt.io": "virt-exporter", "mine": "label"})
        pod = await self.control.get(f"{self.core}/pods/virt-export-parts")
        labels = {"kubevirt.io.virt-export-service": "parts", "mine": "label"}
        # The API server adds where its node is.
        self.assertEqual(pod["metadata"]["labels"] | labels, pod["metadata"]["labels"])
        notes = pod["metadata"]["annotations"]
        lasts = json.loads(notes["kubevirt.io/export.certParameters"])
        self.assertEqual(lasts, {"Duration": 86400 * 10**9, "RenewBefore": 17280 * 10**9})
        self.assertEqual(notes["mine"], "note")
        await self.is_made_as_told(found, pod)
        await self.is_told(found)
        uid = found["metadata"]["uid"]
        for path in ("services/virt-export-parts", "pods/virt-export-parts", "secrets/export-token-parts"):
            owner = (await self.control.get(f"{self.core}/{path}"))["metadata"]["ownerReferences"][0]
            self.assertEqual((owner["uid"], owner["controller"]), (uid, True))
        await self.control.change("DELETE", f"{self.exports}/parts")
        await self.is_over("parts")
        certificate = next(each for each in pod["spec"]["volumes"] if each["name"] == "certificates")
        await self.vanishes(f"{self.core}/secrets/{certificate['secret']['secretName']}")
        await self.control.get(f"{self.core}/persistentvolumeclaims/mine")

    async def is_told(self, found: Document) -> None:
        """Wait until Events tell of all that was made."""
        path = f"{self.core}/events?fieldSelector=involvedObject.uid={found['metadata']['uid']}"
        wanted = {
            ("ServiceCreated", f"Created service {self.namespace}/virt-export-parts"),
            ("SecretCreated", f"Created default secret {self.namespace}/export-token-parts"),
            ("ExporterPodCreated", f"Created exporter pod {self.namespace}/virt-export-parts"),
            ("SecretCreated", "Created exporter pod secret"),
        }
        told = await self.becomes(path, "told of", lambda told: len(told["items"]) >= len(wanted))
        self.assertEqual({(each["reason"], each["message"]) for each in told["items"]}, wanted)
        self.assertEqual({each["source"]["component"] for each in told["items"]}, {"export-controller"})
        self.assertEqual({each["type"] for each in told["items"]}, {"Normal"})

    async def is_made_as_told(self, found: Document, pod: Document) -> None:
        """Fails unless a Pod is to serve the files of claim ``mine``."""
        (container,) = pod["spec"]["containers"]
        settings = {each["name"]: each.get("value") for each in container["env"]}
        self.assertEqual(
            settings,
            {
                "POD_NAME": None,
                "CERT_FILE": "/cert/tls.crt",
                "KEY_FILE": "/cert/tls.key",
                "TOKEN_FILE": "/token/token",
                "DEADLINE": found["status"]["ttlExpirationTime"],
                "EXPORT_VM_DEF_URI": "/manifests/all",
                "EXPORT_SECRET_DEF_URI": "/manifests/secret",
                "VOLUME0_EXPORT_PATH": "/export-volumes/mine",
                "VOLUME0_EXPORT_ARCHIVE_URI": "/volumes/mine/disk.tar.gz",
                "VOLUME0_EXPORT_DIR_URI": "/volumes/mine/dir/",
            },
        )
        mounted = {each["name"]: (each["mountPath"], each.get("readOnly")) for each in container["volumeMounts"]}
        self.assertEqual(mounted["mine"], ("/export-volumes/mine", True))
        self.assertEqual((mounted["certificates"][0], mounted["token"][0]), ("/cert", "/token"))
        self.assertEqual(container["image"], "quay.io/kubevirt/virt-exportserver:v1.8.4")
        self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/exportready")
        self.assertEqual(container["resources"]["requests"], {"cpu": "100m", "memory": "200Mi"})
        self.assertEqual(container["resources"]["limits"], {"cpu": "1", "memory": "1Gi"})
        self.assertEqual((pod["spec"]["restartPolicy"], pod["spec"]["securityContext"]["fsGroup"]), ("Never", 107))
        secret = next(each["secret"] for each in pod["spec"]["volumes"] if each["name"] == "certificates")
        self.assertRegex(secret["secretName"], r"\Asecret-[a-z0-9]{10}\Z")
        served = await self.control.get(f"{self.core}/secrets/{secret['secretName']}")
        self.assertEqual((served["type"], sorted(served["data"])), ("kubernetes.io/tls", ["tls.crt", "tls.key"]))
        self.assertEqual(served["metadata"]["ownerReferences"][0]["uid"], pod["metadata"]["uid"])

    async def test_what_a_device_holds(self) -> None:
        """It has no file system, and all its bytes are an image."""
        made = self.image(volumeMode="Block", accessModes=["ReadWriteOnce"])
        await self.make(volume("device", made, IMMEDIATE))
        await self.filled("device")
        await self.begin(export("device", CLAIM, "device"))
        found = await self.comes_to("device", "Ready")
        (container,) = (await self.control.get(f"{self.core}/pods/virt-export-device"))["spec"]["containers"]
        devices = [{"name": "device", "devicePath": "/dev/export-volumes/device"}]
        self.assertEqual(container["volumeDevices"], devices)
        await self.gives(found, "device")

    async def test_names_that_are_long_or_have_dots(self) -> None:
        """A Service can have neither; nor can a volume of a Pod."""
        long, hashed = "x" * 53, f"v-efa2f187-{'x' * 52}"
        await self.make(plain("claim.dots"))
        for name, service, pod, label in (
            ("e.dots", "virt-export-e-dots", "virt-export-e.dots", "e.dots"),
            (long, hashed, "virt-export-c0205b92", long),
            (f"{long}.{long}", "virt-export-8ad11ddf", "virt-export-202ca3a4", "virt-export-202ca3a4"),
        ):
            await self.begin(export(name, CLAIM, "claim.dots"))
            found = await self.becomes(
                f"{self.exports}/{name}", "named", lambda found: "tokenSecretRef" in found.get("status", {})
            )
            self.assertEqual(found["status"]["serviceName"], service)
            made = await self.control.get(f"{self.core}/pods/{pod}")
            self.assertEqual(made["metadata"]["labels"]["kubevirt.io.virt-export-service"], label)
            held = {each["name"]: each for each in made["spec"]["volumes"] if "persistentVolumeClaim" in each}
            self.assertEqual(list(held), ["claim-dots"])
            await self.control.change("DELETE", f"{self.exports}/{name}")
            await self.vanishes(f"{self.core}/pods/{pod}")

    async def test_files_of_a_claim(self) -> None:
        """A claim that is not known to hold an image is given back as files."""
        await self.make(plain("files"))
        await self.begin(export("files", CLAIM, "files"))
        found = await self.comes_to("files", "Ready")
        token, paths = await self.token(found), self.urls(found, "volumes", "files")
        self.assertEqual(paths, {"dir": "/volumes/files/dir", "tar.gz": "/volumes/files/disk.tar.gz"})
        self.assertEqual((await self.fetch(found, paths["dir"], token))[0], 301)
        code, media, listing = await self.fetch(found, f"{paths['dir']}/", token)
        self.assertEqual((code, media), (200, "text/html; charset=utf-8"))
        self.assertIn(b"<pre>\n</pre>", listing)
        code, _, packed = await self.fetch(found, paths["tar.gz"], token)
        self.assertEqual(code, 200)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            self.assertEqual(archive.getnames(), ["."])

    async def test_a_claim_that_is_not_there(self) -> None:
        await self.begin(export("early", CLAIM, "late"))
        found = await self.becomes(f"{self.exports}/early", "judged", lambda found: "PVCReady" in said(found))
        self.assertEqual(said(found), {"Ready": ("False", "Initializing"), "PVCReady": ("False", "PVCNotFound")})
        text = f"PersistentVolumeClaim {self.namespace}/late not found"
        self.assertEqual(conditions(found)["PVCReady"]["message"], text)
        self.assertEqual((phase(found), found["status"]["links"]), ("Pending", {}))
        self.assertNotIn("tokenSecretRef", found["status"])
        await self.control.get(f"{self.core}/services/virt-export-early")
        await self.make(plain("late"))
        found = await self.comes_to("early", "Ready")
        self.assertEqual(said(found)["PVCReady"], ("True", "PVCBound"))

    async def test_a_claim_in_use(self) -> None:
        await self.make(plain("used"), user("user", "used"))
        await self.becomes(
            f"{self.core}/pods/user", "Running", lambda pod: bool(pod["status"].get("phase") == "Running")
        )
        await self.begin(export("waits", CLAIM, "used"))
        found = await self.waits("waits", "InUse")
        text = f"PersistentVolumeClaim {self.namespace}/used is in use"
        self.assertEqual(conditions(found)["Ready"]["message"], text)
        self.assertEqual((phase(found), found["status"]["links"]), ("Pending", {}))
        await self.vanishes(f"{self.core}/pods/virt-export-waits")
        await self.control.change("DELETE", f"{self.core}/pods/user?gracePeriodSeconds=0")
        await self.comes_to("waits", "Ready")

    async def test_a_claim_that_is_not_filled(self) -> None:
        await self.make(volume("awaits", from_source({"upload": {}}, SMALL), IMMEDIATE))
        path = f"{self.volumes}/awaits"
        await self.becomes(path, "UploadReady", lambda found: phase(found) == "UploadReady")
        await self.begin(export("awaits", CLAIM, "awaits"))
        found = await self.waits("awaits", "PVCPending")
        text = f"PersistentVolumeClaim {self.namespace}/awaits is not populated"
        self.assertEqual((phase(found), conditions(found)["Ready"]["message"]), ("Pending", text))

    async def test_a_token_that_is_not_there(self) -> None:
        """The Pod waits for the Secret that it mounts."""
        await self.make(plain("closed"))
        await self.begin(export("closed", CLAIM, "closed", tokenSecretRef="later"))
        found = await self.waits("closed", "PodPending")
        self.assertEqual((phase(found), found["status"]["tokenSecretRef"]), ("Pending", "later"))
        await self.make(named("Secret", "later", stringData={"token": TOKEN}))
        found = await self.comes_to("closed", "Ready")
        self.assertEqual((await self.fetch(found, "/volumes/closed/dir/", TOKEN))[0], 200)

    async def test_a_secret_without_a_token(self) -> None:
        await self.make(plain("bare"), named("Secret", "bare", stringData={"other": TOKEN}))
        await self.begin(export("bare", CLAIM, "bare", tokenSecretRef="bare"))
        found = await self.comes_to("bare", "Ready")
        self.assertEqual((await self.fetch(found, "/volumes/bare/dir/", TOKEN))[0], 500)

    async def test_an_export_that_has_lasted_long_enough(self) -> None:
        await self.make(plain("short"))
        await self.begin(export("short", CLAIM, "short", ttlDuration="3s"))
        await self.is_over("short")
        await self.control.get(f"{self.core}/persistentvolumeclaims/short")

    async def test_a_server_that_ends(self) -> None:
        """Another one is started in its place, with a certificate of its own."""
        await self.make(plain("again"))
        await self.begin(export("again", CLAIM, "again"))
        await self.comes_to("again", "Ready")
        path = f"{self.core}/pods/virt-export-again"
        before = await self.control.get(path)
        await self.control.change("DELETE", f"{path}?gracePeriodSeconds=0")

        async def another() -> bool:
            answer = await self.control.ask("GET", path)
            return answer.ok and answer.document["metadata"]["uid"] != before["metadata"]["uid"]

        await self.control.until(150, "another server", another)
        await self.becomes(path, "Running", lambda pod: bool(pod["status"].get("phase") == "Running"))
        found = await self.comes_to("again", "Ready")
        token = await self.token(found)
        self.assertEqual((await self.fetch(found, "/volumes/again/dir/", token))[0], 200)

    async def test_what_is_refused(self) -> None:
        wrong: tuple[tuple[Document, str], ...] = (
            ({"kind": "Pod", "name": "x"}, "invalid kind"),
            ({"kind": CLAIM, "name": ""}, "PVC name must not be empty"),
            ({"kind": CLAIM, "name": "x", "apiGroup": "v1"}, "PVC API group must be missing or blank"),
            ({"kind": SNAPSHOT, "name": "x"}, "VMSnapshot API group must be snapshot.kubevirt.io"),
            ({"kind": SNAPSHOT, "name": ""}, "VMSnapshot name must not be empty"),
            ({"kind": MACHINE, "name": "x", "apiGroup": "apps"}, "VM API group must be kubevirt.io"),
            ({"kind": MACHINE, "name": ""}, "Virtual Machine name must not be empty"),
            ({"kind": "VirtualMachineBackup", "name": ""}, "VirtualMachineBackup name must not be empty"),
        )
        for source, text in wrong:
            made = export("wrong", CLAIM, "x") | {"spec": {"source": source}}
            self.refused(await self.offer_export(made, "?dryRun=All"), 422, text)
        for ttl, text in (
            ("soon", 'time: invalid duration "soon"'),
            ("9999999h", 'time: invalid duration "9999999h"'),
            ("5", 'time: missing unit in duration "5"'),
            ("5d", 'time: unknown unit "d" in duration "5d"'),
        ):
            self.refused(
                await self.offer_export(export("wrong", CLAIM, "x", ttlDuration=ttl), "?dryRun=All"), 400, text
            )

    async def test_what_is_refused_later(self) -> None:
        await self.begin(export("fixed", CLAIM, "nothing"))
        path = f"{self.exports}/fixed"
        for patch in ({"spec": {"ttlDuration": "1h"}}, {"spec": {"source": {"name": "other"}}}):
            answer = await self.control.ask("PATCH", path, patch, "application/merge-patch+json")
            self.refused(answer, 422, "spec in immutable after creation")
        await self.change(path, {"metadata": {"labels": {"more": "said"}}})

    async def test_what_kubectl_shows(self) -> None:
        await self.begin(export("listed", CLAIM, "absent"))
        await self.comes_to("listed", "Pending")
        table = (await self.control.ask("GET", f"{self.exports}/listed", accept=TABLE)).document
        self.assertEqual(
            [each["name"] for each in table["columnDefinitions"]], ["Name", "SourceKind", "SourceName", "Phase"]
        )
        self.assertEqual(table["rows"][0]["cells"], ["listed", CLAIM, "absent", "Pending"])


class MachineTests(Case):
    CAST = (machine("vm-bare", runStrategy="Halted"), rooted("vm-runs", BLANK, IMMEDIATE))

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.open()

    async def test_what_a_machine_holds(self) -> None:
        """All its volumes, and what brings them into another cluster with it."""
        data = {"name": "data", "persistentVolumeClaim": {"claimName": "vm-data"}}
        made = rooted("vm-off", self.image(), IMMEDIATE, runStrategy="Halted")
        made["spec"]["template"]["spec"]["volumes"].append(data)
        made["metadata"]["labels"] = {"mine": "label"}
        await self.make(plain("vm-data"), made)
        await self.filled("vm-off-root")
        await self.shows("vm-off", "Stopped")
        await self.begin(export("all", MACHINE, "vm-off"))
        found = await self.comes_to("all", "Ready")
        self.assertEqual(said(found), {"Ready": ("True", "PodReady")})
        self.assertEqual(found["status"]["virtualMachineName"], "vm-off")
        volumes = found["status"]["links"]["internal"]["volumes"]
        self.assertEqual([each["name"] for each in volumes], ["vm-off-root", "vm-data"])
        await self.gives(found, "vm-off-root")
        await self.describes(found)

    async def describes(self, found: Document) -> None:
        """What is told of the machine."""
        token = await self.token(found)
        code, _, told = await self.fetch(found, "/internal/manifests/all", token)
        self.assertEqual(code, 200)
        authority, vm, data = json.loads(told)["items"]
        self.assertEqual((authority["kind"], authority["metadata"]["name"]), ("ConfigMap", "export-ca-cm-all"))
        self.assertEqual(authority["data"]["ca.pem"], found["status"]["links"]["internal"]["cert"])
        live = await self.machine("vm-off")
        self.assertEqual((vm["kind"], vm["apiVersion"]), ("VirtualMachine", "kubevirt.io/v1"))
        self.assertEqual(vm["metadata"]["labels"], live["metadata"]["labels"])
        self.assertFalse({"uid", "resourceVersion", "finalizers"} & set(vm["metadata"]))
        self.assertNotIn("instancetype", vm["spec"])
        domain, theirs = vm["spec"]["template"]["spec"]["domain"], live["spec"]["template"]["spec"]["domain"]
        self.assertEqual(
            {key: domain["cpu"][key] for key in ("cores", "sockets", "threads")},
            dict.fromkeys(("cores", "sockets", "threads"), 1),
        )
        self.assertEqual((domain["memory"]["guest"], theirs.get("memory")), ("512Mi", None))
        self.assertEqual([each["name"] for each in domain["devices"]["disks"]], ["root", "data"])
        (template,) = vm["spec"]["dataVolumeTemplates"]
        where = f"https://virt-export-all.{self.namespace}.svc/volumes"
        carried = {"certConfigMap": "export-ca-cm-all", "secretExtraHeaders": ["header-secret-all"]}
        self.assertEqual(template["metadata"]["name"], "vm-off-root")
        source = template["spec"]["source"]["http"]
        self.assertEqual({key: source[key] for key in carried}, carried)
        self.assertEqual((data["kind"], data["metadata"]["name"]), ("DataVolume", "vm-data"))
        self.assertEqual({key: data["spec"]["source"]["http"][key] for key in carried}, carried)
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/vm-data")
        self.assertEqual(data["spec"]["storage"]["resources"], claim["spec"]["resources"])
        self.assertIn(f"{where}/vm-off-root/disk.img.gz", told.decode())
        code, _, secret = await self.fetch(found, "/internal/manifests/secret", token)
        (header,) = json.loads(secret)["items"]
        self.assertEqual((code, header["metadata"]["name"]), (200, "header-secret-all"))
        self.assertEqual(header["stringData"], {"token": f"x-kubevirt-export-token:{token}"})
        asked = {"headers": {"accept": "application/yaml"}}
        _, _, text = await self.fetch(found, "/internal/manifests/all", token, **asked)
        self.assertEqual([each for each in yaml.safe_load_all(text) if each], [authority, vm, data])
        for path, code in (("/external/manifests/all", 404), ("/external/manifests/secret", 200)):
            self.assertEqual((await self.fetch(found, path, token))[0], code)
        self.assertEqual((await self.fetch(found, "/internal/manifests/all", "wrong"))[0], 401)

    async def test_a_machine_that_runs(self) -> None:
        """It is given back while it is off, and no longer."""
        await self.filled("vm-runs-root")
        await self.shows("vm-runs", "Running")
        await self.begin(export("paused", MACHINE, "vm-runs"))
        found = await self.waits("paused", "InUse")
        text = f"Virtual Machine {self.namespace}/vm-runs is running"
        self.assertEqual((phase(found), conditions(found)["Ready"]["message"]), ("Pending", text))
        await self.told("vm-runs", "stop")
        found = await self.comes_to("paused", "Ready")
        self.assertEqual(found["status"]["virtualMachineName"], "vm-runs")
        await self.told("vm-runs", "start")
        found = await self.waits("paused", "InUse")
        self.assertEqual((phase(found), found["status"]["links"]), ("Pending", {}))
        await self.vanishes(f"{self.core}/pods/virt-export-paused")
        await self.told("vm-runs", "stop")
        await self.comes_to("paused", "Ready")

    async def test_machines_that_have_nothing(self) -> None:
        for name, of, reason, text in (
            ("none", "vm-none", "VMNotFound", f"Virtual Machine {self.namespace}/vm-none not found"),
            ("bare", "vm-bare", "VMNoVolumes", f"Virtual Machine {self.namespace}/vm-bare has no volumes"),
        ):
            await self.begin(export(name, MACHINE, of))
            found = await self.comes_to(name, "Skipped")
            self.assertEqual(said(found), {"Ready": ("False", reason)})
            self.assertEqual(conditions(found)["Ready"]["message"], text)
            self.assertEqual(found["status"]["virtualMachineName"], of)
            await self.control.get(f"{self.core}/services/virt-export-{name}")
            await self.control.change("DELETE", f"{self.exports}/{name}")
            await self.is_over(name)


class SnapshotTests(Case):
    GATES = ("VMExport", "Snapshot")

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.snapshots = f"/apis/snapshot.kubevirt.io/v1beta1/namespaces/{self.namespace}/virtualmachinesnapshots"
        await self.open()
        await shown_open(self, f"{self.snapshots}?dryRun=All", snapshot("probe", "none"))

    async def test_what_a_snapshot_holds(self) -> None:
        await self.make(rooted("vm-kept", self.image(), IMMEDIATE, runStrategy="Halted"))
        await self.filled("vm-kept-root")
        await self.shows("vm-kept", "Stopped")
        await self.control.change("POST", self.snapshots, snapshot("kept", "vm-kept"))
        await self.becomes(f"{self.snapshots}/kept", "ready", is_ready)
        made = await self.begin(export("old", SNAPSHOT, "kept"))
        path = f"{self.exports}/old"
        wanted = {"Ready": ("True", "PodReady"), "VolumesCreated": ("True", "AllPVCsReady")}
        found = await self.becomes(path, "Ready", lambda found: said(found) == wanted)
        self.assertEqual((phase(found), found["status"]["virtualMachineName"]), ("Ready", "vm-kept"))
        (shown,) = found["status"]["links"]["internal"]["volumes"]
        self.assertEqual(shown["name"], "vm-kept-root")
        at = "/volumes/old-vm-kept-root/disk.img"
        self.assertEqual(self.urls(found, "volumes", "vm-kept-root"), {"raw": at, "gzip": f"{at}.gz"})
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/old-vm-kept-root")
        self.assertEqual(claim["metadata"]["ownerReferences"][0]["uid"], made["metadata"]["uid"])
        self.assertEqual(claim["metadata"]["annotations"]["cdi.kubevirt.io/storage.contentType"], "kubevirt")
        self.assertEqual(claim["spec"]["dataSource"]["kind"], "VolumeSnapshot")
        await self.gives(found, "vm-kept-root")
        code, _, told = await self.fetch(found, "/internal/manifests/all", await self.token(found))
        self.assertEqual((code, [each["kind"] for each in json.loads(told)["items"]]), (200, ["ConfigMap", MACHINE]))
        await self.control.change("DELETE", path)
        await self.is_over("old")
        await self.vanishes(f"{self.core}/persistentvolumeclaims/old-vm-kept-root")

    async def test_a_snapshot_that_is_not_there(self) -> None:
        await self.begin(export("gone", SNAPSHOT, "gone"))
        found = await self.comes_to("gone", "Skipped")
        expected = {"Ready": ("False", "VMSnapshotNotFound"), "VolumesCreated": ("False", "VMSnapshotNoVolumes")}
        self.assertEqual(said(found), expected)
        where = f"VirtualMachineSnapshot {self.namespace}/gone"
        self.assertEqual(conditions(found)["Ready"]["message"], f"{where} not found")
        text = f"{where} does not contain any volume snapshots"
        self.assertEqual(conditions(found)["VolumesCreated"]["message"], text)
        self.assertEqual(found["status"]["virtualMachineName"], "")

    async def test_a_snapshot_that_is_not_ready(self) -> None:
        await self.control.change("POST", self.snapshots, snapshot("open", "vm-nobody"))
        await self.begin(export("open", SNAPSHOT, "open"))
        found = await self.waits("open", "NotAllPVCsCreated")
        text = f"VirtualMachineSnapshot {self.namespace}/open is not ready to use"
        self.assertEqual(said(found)["VolumesCreated"], ("False", "NotAllPVCsCreated"))
        self.assertEqual({each["message"] for each in conditions(found).values()}, {text})
        self.assertEqual((phase(found), found["status"]["virtualMachineName"]), ("Pending", "vm-nobody"))
        await self.control.change("DELETE", f"{self.snapshots}/open")


class GateTests(Case):
    async def test_a_stock_cluster_takes_none(self) -> None:
        why = "vm export feature gate not enabled"
        await until_refused(self, f"{self.exports}?dryRun=All", export("shut", CLAIM, "x"), why)
