"""Puts into a new API server what the operators of KubeVirt and CDI would, and tells when it works."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml
from twisted.internet.defer import DeferredSemaphore

from tests.cluster import objects
from tests.cluster.control import MERGE, Answer, Control, Refused, Seen, together
from tests.cluster.flags import SYSTEM, Files, Ports
from tests.cluster.objects import CDI, KUBEVIRT, Backend, Document, named

SUFFIXES = (".yaml", ".yml", ".json")
SIDE_BY_SIDE = 8
MINUTE = 60.0
DRY = "?dryRun=All"
VIRTUAL_MACHINES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
DATA_VOLUMES = "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes"
CDI_CONFIG = "/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config"
POD_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
ACCOUNTS = {
    KUBEVIRT: ("kubevirt-apiserver", "kubevirt-controller", "kubevirt-handler"),
    CDI: ("cdi-apiserver", "cdi-sa", "cdi-uploadproxy"),
}
LEASES = "/apis/coordination.k8s.io/v1/namespaces"
STREAM = "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
STREAMED = (
    "/api/v1/namespaces",
    "/api/v1/pods",
    "/api/v1/persistentvolumeclaims",
    "/apis/kubevirt.io/v1/virtualmachines",
    "/apis/kubevirt.io/v1/virtualmachineinstances",
    "/apis/cdi.kubevirt.io/v1beta1/datavolumes",
)


class Installation:
    """The steps between a bare API server and a cluster whose admission and controllers answer."""

    def __init__(
        self,
        control: Control,
        programs: Mapping[str, Control],
        files: Files,
        ports: Ports,
        folders: Mapping[str, Path],
    ) -> None:
        self._control = control
        self._programs = programs
        self._files = files
        self._ports = ports
        self._printed = {name: objects.printed(folders[name]) for name in (KUBEVIRT, CDI, "snapshots")}

    async def define(self, more: Sequence[Path]) -> None:
        """Namespaces and CustomResourceDefinitions, until each of these is established."""
        printed = [item for items in self._printed.values() for item in items]
        definitions = [item for item in (*printed, *definitions_in(more)) if item["kind"] == objects.DEFINITION]
        await self._post([named("Namespace", name) for name in (KUBEVIRT, CDI)])
        await self._post(definitions)
        names = {definition["metadata"]["name"] for definition in definitions}
        await self._control.until(MINUTE, "CustomResourceDefinitions", partial(self._established, names))

    async def settle(self, feature_gates: Sequence[str]) -> None:
        """KubeVirt's and CDI's own objects with their status, what users may do with them, and what their programs
        read at their start."""
        priorities = [item for item in self._printed[KUBEVIRT] if item["kind"] == "PriorityClass"]
        roles = [item for name in (KUBEVIRT, CDI) for item in self._printed[name] if item["kind"] in objects.ROLES]
        kubevirt = objects.kubevirt(feature_gates)
        cdi = objects.cdi(f"127.0.0.1:{self._ports.upload_proxy}")
        await self._post([*priorities, *roles, *self._settings(), kubevirt, cdi])
        # Status is a subresource of KubeVirt's object, and a plain part of CDI's.
        status = f"{objects.collection(kubevirt)}/{KUBEVIRT}/status"
        await self._control.change("PATCH", status, {"status": kubevirt["status"]}, MERGE)

    def backends(self) -> dict[str, Seen]:
        """What tells that the programs behind webhooks and aggregated APIs listen."""
        return {name: partial(_listens, program) for name, program in self._programs.items()}

    async def register(self) -> None:
        """Webhooks, Services and APIServices."""
        authority = self._files.authority.read_text()
        ports = {KUBEVIRT: self._ports.virt_api, CDI: self._ports.cdi_api}
        await self._post([objects.service(name) for name in ports])
        wired = (*objects.WEBHOOKS, objects.API_SERVICE)
        await self._post(
            [
                objects.rewire(item, Backend(port, authority))
                for name, port in ports.items()
                for item in self._printed[name]
                if item["kind"] in wired
            ]
        )

    def proofs(self) -> dict[str, Seen]:
        """What tells that everything really answers, by what it is."""
        proofs: dict[str, Seen] = {f"a streamed list of {path}": partial(self._streams, path) for path in STREAMED}
        for name in (KUBEVIRT, CDI):
            for item in self._printed[name]:
                if item["kind"] == objects.API_SERVICE:
                    service = item["metadata"]["name"]
                    proofs[f"APIService {service}"] = partial(self._available, service)
        proofs["admission of virtual machines"] = self._refuses_machine
        proofs["admission of data volumes"] = self._refuses_volume
        proofs["CDI's configuration"] = partial(
            self._control.answers, "/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config"
        )
        proofs["the account of new pods"] = partial(
            self._control.answers, "/api/v1/namespaces/default/serviceaccounts/default"
        )
        proofs["virt-controller"] = partial(self._led, f"{LEASES}/kubevirt/leases/virt-controller")
        proofs["cdi-controller"] = partial(self._led, f"{LEASES}/cdi/leases/cdi-controller-leader-election-helper")
        proofs["snapshot-controller"] = partial(self._led, f"{LEASES}/{SYSTEM}/leases/snapshot-controller-leader")
        return proofs

    async def _post(self, documents: Iterable[Document]) -> None:
        turns = DeferredSemaphore(SIDE_BY_SIDE)

        async def post(document: Document) -> None:
            async with turns:
                await self._control.change("POST", objects.collection(document), document, also=(409,))

        await together([post(document) for document in documents])

    def _settings(self) -> list[Document]:
        files = self._files
        authority = files.authority.read_text()
        server = files.upload_server.certificate.read_text()
        client = files.upload_client.certificate.read_text()
        exports = files.exports.certificate.read_text()
        keys = {"id_rsa": files.cdi_tokens, "id_rsa.pub": files.cdi_tokens.with_suffix(".pub")}
        secret = {name: base64.b64encode(path.read_bytes()).decode() for name, path in keys.items()}
        return [
            named("ConfigMap", "kubevirt-ca", KUBEVIRT, data={"ca-bundle": authority}),
            named("ConfigMap", "kubevirt-export-ca", KUBEVIRT, data={"ca-bundle": exports}),
            named("ConfigMap", "cdi-apiserver-signer-bundle", CDI, data={"ca-bundle.crt": authority}),
            named("ConfigMap", "cdi-uploadproxy-signer-bundle", CDI, data={"ca-bundle.crt": authority}),
            named("ConfigMap", "cdi-uploadserver-signer-bundle", CDI, data={"ca-bundle.crt": server}),
            named("ConfigMap", "cdi-uploadserver-client-signer-bundle", CDI, data={"ca-bundle.crt": client}),
            named("Secret", "cdi-api-signing-key", CDI, data=secret),
            *(named("ServiceAccount", name, space) for space, names in ACCOUNTS.items() for name in names),
        ]

    async def _established(self, names: set[str]) -> bool:
        found = await self._control.get(objects.PATHS[objects.DEFINITION])
        return names <= {item["metadata"]["name"] for item in found["items"] if _holds(item, "Established")}

    async def _available(self, name: str) -> bool:
        return _holds(await self._control.get(f"{objects.PATHS[objects.API_SERVICE]}/{name}"), "Available")

    async def _led(self, lease: str) -> bool:
        return bool((await self._control.get(lease))["spec"].get("holderIdentity"))

    async def _streams(self, path: str) -> bool:
        return await self._control.answers(path + STREAM)

    async def _refuses_machine(self) -> bool:
        """Whether virt-api's webhook refuses a machine whose disk has no volume."""
        disks = {"disks": [{"name": "none", "disk": {}}]}
        template = {"spec": {"domain": {"devices": disks, "resources": {"requests": {"memory": "64Mi"}}}}}
        machine = named(
            "VirtualMachine", "proof", "default", "kubevirt.io/v1", spec={"running": False, "template": template}
        )
        return _denied(await self._control.ask("POST", VIRTUAL_MACHINES + DRY, machine), "disks[0]")

    async def _refuses_volume(self) -> bool:
        """Whether CDI's webhook refuses a volume without any size."""
        volume = named(
            "DataVolume", "proof", "default", "cdi.kubevirt.io/v1beta1", spec={"source": {"blank": {}}, "storage": {}}
        )
        return _denied(await self._control.ask("POST", DATA_VOLUMES + DRY, volume), "admission webhook")


async def _listens(program: Control) -> bool:
    """Whether the program answers at all: what it says to somebody without a certificate does not matter."""
    await program.ask("GET", "/healthz")
    return True


def _holds(document: Document, condition: str) -> bool:
    conditions = document.get("status", {}).get("conditions") or []
    return any(entry["type"] == condition and entry["status"] == "True" for entry in conditions)


def _denied(answer: Answer, words: str) -> bool:
    if answer.ok:
        raise Refused("a request that admission must refuse went through")
    return words in answer.content.decode(errors="replace")


def definitions_in(places: Iterable[Path]) -> list[Document]:
    """The CustomResourceDefinitions of YAML and JSON files, and of folders of such files."""
    documents: list[Document] = []
    for place in places:
        found = [path for path in sorted(place.rglob("*")) if path.suffix in SUFFIXES] if place.is_dir() else [place]
        for path in found:
            documents += [item for item in yaml.safe_load_all(path.read_text()) if item]
    return [document for document in documents if document["kind"] == objects.DEFINITION]
