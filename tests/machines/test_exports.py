"""What virt-controller does about exports."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.kind import Kind, Manifest
from dicot.sandbox.certificates import Authority
from dicot.sandbox.kubevirt.exports import describing, export, names, objects, sources
from dicot.sandbox.kubevirt.exports.scene import Exporting, Signing, Source, Volume
from dicot.sandbox.kubevirt.exports.sources import Around, Unclear
from dicot.sandbox.kubevirt.keeping.kinds import CONTENTS, SNAPSHOTS, VOLUME_SNAPSHOTS
from dicot.sandbox.kubevirt.machines.birth import Conflicting
from dicot.sandbox.kubevirt.machines.kinds import CLAIMS, GUESTS, MACHINES, VOLUMES
from dicot.sandbox.kubevirt.settings import Settings
from dicot.sandbox.steps import REST, Create, Decision, Remove

from .test_keeping import CLAIM, NAME, noted, taken, vm, volume_snapshot
from .test_machine import GOING, last_status, verbs
from .things import NOW, STAMP, guest, machine, meta, scene

SIGNING = Signing(Authority.make("exports"), lambda: "new")
STATUS = "Replace virtualmachineexports/status"
OWNED = {"ownerReferences": [{"kind": "DataVolume", "name": "d", "uid": "uid-v", "controller": True}]}
PLAIN: Manifest = {**CLAIM, "metadata": meta("d", "uid-d")}
FILLED: Manifest = {**CLAIM, "metadata": meta("d", "uid-d", **OWNED)}
HELD = Source([Volume(PLAIN, is_image=True)], populated=True, shown=("PVCReady", "True", "PVCBound", ""))


def made(kind: str = "PersistentVolumeClaim", of: str = "d", status: Manifest | None = None, **spec: Any) -> Manifest:
    """An export."""
    return {
        "apiVersion": "export.kubevirt.io/v1beta1",
        "kind": "VirtualMachineExport",
        "metadata": meta("e", "uid-e"),
        "spec": {"source": {"kind": kind, "name": of}} | spec,
        "status": status or {},
    }


def server(phase: str = "Running", *, more: Manifest | None = None, ready: bool = True) -> Manifest:
    """The Pod that serves."""
    notes = {names.PARAMETERS: objects.parameters()}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta("virt-export-e", "uid-p", annotations=notes) | (more or {}),
        "spec": {"volumes": [{"name": "certificates", "secret": {"secretName": "secret-x"}}]},
        "status": {"phase": phase, "containerStatuses": [{"ready": ready}]},
    }


def seen(found: Manifest, source: Source | None = HELD, pod: Manifest | None = None, **more: Any) -> Exporting:
    """All that is looked at for an export whose Service is there."""
    return replace(Exporting(found, source, {"metadata": {}}, pod, None, SIGNING, NOW), **more)


def decide(found: Manifest, source: Source | None = HELD, pod: Manifest | None = None, **more: Any) -> Decision:
    return export.decide(seen(found, source, pod, **more))


def created(decision: Decision, plural: str) -> Manifest:
    """What is made of a kind."""
    return next(each.body for each in decision.steps if isinstance(each, Create) and each.at.plural == plural)


class Names(SynchronousTestCase):
    def test_long_names_have_a_hash(self) -> None:
        """The expected ones are what naming.GetName of openshift/library-go says."""
        self.assertEqual(names.joined("virt-export", "x" * 51), f"virt-export-{'x' * 51}")
        self.assertEqual(names.joined("virt-export", "x" * 52), f"v-efa2f187-{'x' * 52}")
        self.assertEqual(names.joined("virt-export", "x" * 53), "virt-export-c0205b92")

    def test_services_have_no_dots(self) -> None:
        found = made()
        found["metadata"]["name"] = "a.b"
        self.assertEqual((names.pod_name(found), names.service_name(found)), ("virt-export-a.b", "virt-export-a-b"))
        self.assertEqual(names.volume_name("c.d"), "c-d")
        found["metadata"]["name"] = "x" * 53
        self.assertEqual(names.service_name(found), f"v-efa2f187-{'x' * 52}")
        self.assertEqual(names.label_of(found), "x" * 53)
        found["metadata"]["name"] = "x" * 64
        self.assertEqual(names.label_of(found), names.pod_name(found))

    def test_durations(self) -> None:
        for text, expected in (("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("-1m", -60.0), ("+2s", 2.0)):
            self.assertEqual(objects.duration(text), expected, text)


class Sources(SynchronousTestCase):
    """What an export is of."""

    def find(self, found: Manifest, known: Mapping[Kind[Any], Manifest], users: Sequence[Manifest] = ()) -> Source:
        def one(kind: Kind[Any], name: str) -> Manifest | None:
            each = known.get(kind)
            return each if each is not None and each["metadata"]["name"] == name else None

        return sources.find(found, Around(one, lambda claim: users))

    def test_a_claim(self) -> None:
        for claim, volume, is_image in (
            (PLAIN, None, False),
            ({**PLAIN, "spec": {"volumeMode": "Block"}}, None, True),
            ({**PLAIN, "metadata": meta("d", "uid-d", annotations={sources.CONTENT_TYPE: "kubevirt"})}, None, True),
            (FILLED, {}, True),
            (FILLED, {"contentType": "archive"}, False),
        ):
            known = {CLAIMS: claim}
            if volume is not None:
                known[VOLUMES] = {"metadata": meta("d", "uid-v"), "spec": volume, "status": {"phase": "Succeeded"}}
            found = self.find(made(), known)
            self.assertEqual((found.is_given, found.volumes[0].is_image), (True, is_image))

    def test_a_claim_that_is_lost(self) -> None:
        for phase, shown in (("Lost", ("False", "Unknown")), ("Pending", ("False", "PVCPending"))):
            found = self.find(made(), {CLAIMS: {**PLAIN, "status": {"phase": phase}}})
            self.assertEqual(found.shown, ("PVCReady", *shown, ""))

    def test_who_uses_a_claim(self) -> None:
        """Pods that have failed count, those of the export and those that are done do not."""
        own = [{"uid": "uid-e", "controller": True}]
        for phase, owners, used in (
            ("Running", [], True),
            ("Failed", [], True),
            ("Succeeded", [], False),
            ("Running", own, False),
        ):
            pod = {"metadata": {"ownerReferences": owners}, "status": {"phase": phase}}
            self.assertEqual(self.find(made(), {CLAIMS: PLAIN}, [pod]).in_use, used)

    def test_what_fills_a_claim_is_waited_for(self) -> None:
        self.assertRaises(Unclear, self.find, made(), {CLAIMS: FILLED})
        volume = {"metadata": meta("d", "uid-v"), "spec": {}, "status": {"phase": "ImportInProgress"}}
        found = self.find(made(), {CLAIMS: FILLED, VOLUMES: volume})
        self.assertEqual((found.is_there, found.why[0], found.again), (False, "PVCPending", 3.0))

    def test_a_machine(self) -> None:
        asked = made("VirtualMachine", "m")
        volume = {"metadata": meta("d", "uid-v"), "spec": {}, "status": {"phase": "Pending"}}
        known: dict[Kind[Any], Manifest] = {MACHINES: vm()}
        self.assertEqual(self.find(asked, known).why[0], "VMNoVolumes")
        known |= {CLAIMS: FILLED, VOLUMES: volume}
        self.assertEqual(self.find(asked, known).why[0], "VolumesNotPopulated")
        known[VOLUMES] = {**volume, "status": {"phase": "Succeeded"}}
        self.assertTrue(self.find(asked, known).is_given)
        for phase, used in (("Running", True), ("Pending", True), ("Succeeded", False)):
            self.assertEqual(self.find(asked, {**known, GUESTS: guest(phase)}).in_use, used)

    def test_a_snapshot(self) -> None:
        asked = made("VirtualMachineSnapshot", "s")
        ready = {"readyToUse": True, "virtualMachineSnapshotContentName": "c"}
        known: dict[Kind[Any], Manifest] = {SNAPSHOTS: taken(ready)}
        self.assertEqual(self.find(asked, known).shown[2], "VMSnapshotNoVolumes")  # type: ignore[index]
        known[CONTENTS] = noted({"volumeSnapshotStatus": [{"volumeSnapshotName": NAME}]})
        self.assertRaises(Unclear, self.find, asked, known)
        known[VOLUME_SNAPSHOTS] = volume_snapshot(restoreSize="2Gi")
        (step,) = self.find(asked, known).steps
        assert isinstance(step, Create)
        claim = step.body
        self.assertEqual(claim["metadata"]["name"], "e-d")
        self.assertEqual(claim["metadata"]["annotations"], {"mine": "z", sources.CONTENT_TYPE: "kubevirt"})
        self.assertEqual(claim["metadata"]["ownerReferences"][0]["uid"], "uid-e")
        self.assertEqual(claim["spec"]["resources"], {"requests": {"storage": "2Gi"}})
        for phase, shown in (("Pending", ("False", "NotAllPVCsReady")), ("Bound", ("True", "AllPVCsReady"))):
            found = self.find(asked, {**known, CLAIMS: {**claim, "status": {"phase": phase}}})
            self.assertTrue(found.is_given)
            assert found.shown is not None
            self.assertEqual(found.shown[1:3], shown)


class Decisions(SynchronousTestCase):
    def test_what_is_made(self) -> None:
        decision = decide(made(), service=None)
        self.assertEqual(verbs(decision), ["Create services", "Create secrets", "Create pods"])
        token = created(decision, "secrets")
        self.assertEqual((token["metadata"]["name"], b64decode(token["data"]["token"])), ("export-token-e", b"new"))
        pod = created(decision, "pods")
        settings = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        self.assertEqual(settings["DEADLINE"], "2027-01-15T10:00:00Z")
        self.assertEqual(settings["VOLUME0_EXPORT_RAW_URI"], "/volumes/d/disk.img")
        named = decide(made(tokenSecretRef="own"), described={"kind": "ConfigMap", "metadata": meta("x", "u")})
        self.assertEqual(verbs(named), ["Create configmaps", "Create pods"])
        mounted = {each["name"]: each for each in created(named, "pods")["spec"]["volumes"]}
        self.assertEqual(mounted["token"]["secret"], {"secretName": "own"})
        self.assertEqual(mounted["manifest-data"]["configMap"], {"name": "x"})

    def test_a_device(self) -> None:
        block = Volume({**PLAIN, "spec": {"volumeMode": "Block"}}, is_image=True)
        (container,) = created(decide(made(), replace(HELD, volumes=[block])), "pods")["spec"]["containers"]
        self.assertEqual(container["volumeDevices"], [{"name": "d", "devicePath": "/dev/export-volumes/d"}])
        self.assertEqual([each["name"] for each in container["volumeMounts"]], ["certificates", "token"])

    def test_a_long_life_ends_with_its_certificate(self) -> None:
        pod = created(decide(made(ttlDuration="100h")), "pods")
        settings = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        self.assertEqual(settings["DEADLINE"], "2027-01-16T03:12:00Z")

    def test_what_the_pod_serves_with(self) -> None:
        decision = decide(made(), pod=server("Pending"))
        self.assertEqual(verbs(decision), ["Create secrets", "Create secrets", STATUS])
        secret = decision.steps[1]
        assert isinstance(secret, Create)
        self.assertEqual(secret.body["metadata"]["name"], "secret-x")
        certificate = x509.load_pem_x509_certificate(b64decode(secret.body["data"]["tls.crt"]))
        certificate.verify_directly_issued_by(SIGNING.authority.certificate)
        served = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertIn("virt-export-e.n.svc", served.get_values_for_type(x509.DNSName))

    def test_how_far_it_is(self) -> None:
        for phase, ready, word, reason in (
            ("Pending", False, "Pending", "PodPending"),
            ("Running", False, "Pending", "Unknown"),
            ("Running", True, "Ready", "PodReady"),
            ("Succeeded", False, "Terminated", "PodCompleted"),
            ("Failed", False, "Pending", "Unknown"),
        ):
            status = last_status(decide(made(), pod=server(phase, ready=ready)))
            self.assertEqual((status["phase"], status["conditions"][0]["reason"]), (word, reason))
            self.assertEqual(bool(status["links"]), word == "Ready")
        self.assertEqual(
            (status["ttlExpirationTime"], status["tokenSecretRef"]), ("2027-01-15T10:00:00Z", "export-token-e")
        )

    def test_what_is_said_already_is_not_written(self) -> None:
        status = last_status(decide(made(), pod=server()))
        later = decide(made(status=status), pod=server(), now=NOW + 9)
        self.assertEqual(verbs(later), ["Create secrets"])
        self.assertEqual({each["lastTransitionTime"] for each in status["conditions"]}, {STAMP})

    def test_why_a_pod_ends(self) -> None:
        old = server(more={"annotations": {names.PARAMETERS: "{}"}})
        paused = replace(HELD, in_use=True, why=("InUse", "why"))
        for pod, source, reason in (
            (server("Failed"), HELD, "ExporterPodFailedOrCompleted"),
            (old, HELD, "CertificateParametersChanged"),
            (server(), paused, "ExportPaused"),
        ):
            done = [each for each in verbs(decide(made(), source, pod)) if "secrets" not in each]
            self.assertEqual(done, [f"Tell {reason}", "Remove pods", STATUS])
            going = decide(made(), source, {**pod, "metadata": pod["metadata"] | GOING})
            self.assertNotIn("Remove pods", verbs(going))
        status = last_status(decide(made(), paused, server()))
        self.assertEqual((status["phase"], status["conditions"][0]["reason"]), ("Pending", "InUse"))

    def test_the_end(self) -> None:
        over = decide(made(ttlDuration="1m"), pod=server("Succeeded"), now=NOW + 60)
        (*_, last) = over.steps
        assert isinstance(last, Remove)
        self.assertEqual((last.at.plural, last.uid, last.grace), ("virtualmachineexports", "uid-e", None))
        self.assertNotIn(STATUS, verbs(over))
        # One that waits for what it is of is not ended.
        waits = decide(made(ttlDuration="1m"), Source(), now=NOW + 60)
        self.assertEqual(verbs(waits), [STATUS])

    def test_what_is_not_decided(self) -> None:
        going = made()
        going["metadata"] |= GOING
        self.assertEqual(decide(going), REST)
        self.assertEqual(decide(made(), None), Decision(again=1.0))
        step = Create(Place("", "v1", "persistentvolumeclaims", "n"), {})
        self.assertEqual(decide(made(), Source(steps=[step])), Decision((step,)))


class Descriptions(SynchronousTestCase):
    """What is told of a machine."""

    def test_its_flavor_is_in_it(self) -> None:
        data = {"name": "data", "persistentVolumeClaim": {"claimName": "p"}}
        found = vm()
        found["spec"]["template"]["spec"]["volumes"].append(data)
        told = describing.expanded(scene(found), Settings(architecture="amd64"))
        self.assertNotIn("instancetype", told["spec"])
        domain = told["spec"]["template"]["spec"]["domain"]
        self.assertEqual((domain["cpu"]["sockets"], domain["memory"]), (2, {"guest": "1Gi"}))
        self.assertEqual([each["name"] for each in domain["devices"]["disks"]], ["root", "seed", "data"])
        self.assertEqual(told["spec"]["dataVolumeTemplates"][0]["spec"], {"source": {"http": {"url": ""}}})
        self.assertEqual(sorted(told["metadata"]), ["annotations", "name", "namespace"])
        claims = {"p": {**PLAIN, "metadata": meta("p", "uid-p")}, "d": PLAIN}
        config = describing.described(made(), told, claims.get, SIGNING.authority)
        self.assertEqual([each for each in config["data"] if each.startswith("dv-")], ["dv-p"])
        volume = json.loads(config["data"]["dv-p"])
        self.assertEqual(volume["spec"]["storage"], {"resources": {"requests": {"storage": "1Gi"}}})
        self.assertEqual(config["data"]["internal_host"], "virt-export-e.n.svc")

    def test_a_machine_without_a_flavor(self) -> None:
        plain = machine(instancetype=None)
        told = describing.expanded(scene(plain), Settings())
        self.assertEqual(told["spec"], plain["spec"])

    def test_a_machine_that_disagrees_with_its_flavor(self) -> None:
        found = machine()
        found["spec"]["template"]["spec"]["domain"]["cpu"] = {"cores": 3}
        self.assertRaises(Conflicting, describing.expanded, scene(found), Settings())
