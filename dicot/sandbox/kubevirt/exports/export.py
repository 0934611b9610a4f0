"""What virt-controller does about a VirtualMachineExport (pkg/storage/export/export, export.go).

It has a Pod serve the volumes, and tells where, for as long as nobody else uses them and the export lasts.
"""

from collections.abc import Iterator

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...steps import REST, Create, Decision, Remove, Replace, Step, act
from ..machines.objects import event, is_final, is_going, meta, phase, place, status
from . import names, objects
from .scene import Exporting, Source
from .status import compute

_RETRY = 1.0
_BY = "export-controller"
_PLURALS = {"Service": "services", "Secret": "secrets", "Pod": "pods", "ConfigMap": "configmaps"}


def decide(scene: Exporting) -> Decision:
    """The next steps of an export."""
    export, source = scene.export, scene.source
    if is_going(export):
        return REST
    if source is None:
        return Decision(again=_RETRY)
    if source.steps:
        return act(*source.steps)
    token = names.token_name(export, may_be_made=source.is_given)
    steps = list(_found(scene, source, token))
    if scene.pod is None and source.is_given:
        return act(*steps, *_serve(scene, token or ""))
    if scene.pod is not None and source.is_there and not is_going(scene.pod) and scene.now >= objects.expires(export):
        return act(*steps, Remove(place(export), meta(export)["uid"], None))
    if scene.pod is not None:
        steps += _keep(scene, scene.pod, source)
    new = compute(scene, source, scene.pod if source.is_there else None, token)
    if new != status(export):
        steps.append(Replace(place(export, "status"), {**export, "status": new}))
    return Decision(tuple(steps), source.again)


def _found(scene: Exporting, source: Source, token: str | None) -> Iterator[Step]:
    """What is there before anything is served."""
    export, space = scene.export, meta(scene.export)["namespace"]
    if scene.service is None:
        made = objects.service(export)
        yield _create(scene, made, "ServiceCreated", f"Created service {space}/{meta(made)['name']}")
    if token is not None and source.is_given and export["spec"].get("tokenSecretRef") is None:
        made = objects.token_secret(export, token, scene.signing.new_token())
        yield _create(scene, made, "SecretCreated", f"Created default secret {space}/{token}")


def _serve(scene: Exporting, token: str) -> Iterator[Step]:
    space = meta(scene.export)["namespace"]
    if scene.described is not None:
        told = f"Created exporter data manifest {space}/{meta(scene.described)['name']}"
        yield _create(scene, scene.described, "DataManifestCreated", told)
    made = objects.pod(scene, token)
    yield _create(scene, made, "ExporterPodCreated", f"Created exporter pod {space}/{meta(made)['name']}")


def _keep(scene: Exporting, pod: Manifest, source: Source) -> Iterator[Step]:
    """Let the Pod serve for as long as it may."""
    if phase(pod) == "Pending":
        made = objects.certificate_secret(scene, pod)
        yield _create(scene, made, "SecretCreated", "Created exporter pod secret")
    why = "" if is_going(pod) else _why_not(pod, source)
    if why:
        reason, _, message = why.partition(": ")
        yield event(scene.export, reason, message, scene.now, warning=True, by=_BY)
        yield Remove(place(pod), meta(pod)["uid"], None)


def _why_not(pod: Manifest, source: Source) -> str:
    """Why a Pod is to end, after the reason of the Event; "" where it is not."""
    if not source.is_there:
        return f"ExportPaused: {source.shown[3] if source.shown is not None else ''}"
    if is_final(pod):
        where = f"{meta(pod)['namespace']}/{meta(pod)['name']}"
        return f"ExporterPodFailedOrCompleted: Exporter pod {where} is in phase {phase(pod)}"
    if meta(pod).get("annotations", {}).get(names.PARAMETERS) != objects.parameters():
        return "CertificateParametersChanged: Exporter TLS certificate parameters updated"
    return ""


def _create(scene: Exporting, made: Manifest, reason: str, message: str) -> Create:
    at = Place("", "v1", _PLURALS[made["kind"]], meta(made)["namespace"])
    return Create(at, made, then=(event(scene.export, reason, message, scene.now, by=_BY),))
