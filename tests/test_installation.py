"""What `kubectl apply -k etc/kubernetes` installs, as it lies in the folder."""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from dicot.command import files, installation
from dicot.config import parse
from dicot.names import SYSTEM_NAMESPACE
from dicot.tap import PATIENCE
from tests.cluster.containerfile import steps

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "etc" / "kubernetes"


def read(name: str) -> Any:
    """The one object of a file."""
    return yaml.safe_load((FOLDER / name).read_text())


class WrittenTests(SynchronousTestCase):
    """The generated part."""

    def test_it_is_as_the_code_says(self) -> None:
        for name, content in files(installation()).items():
            told = f"{name} is out of date: run `dicot manifests --write etc/kubernetes`"
            self.assertEqual((FOLDER / name).read_text(), content, told)


class KustomizationTests(SynchronousTestCase):
    """What belongs to it."""

    def setUp(self) -> None:
        self.kustomization = read("kustomization.yaml")

    def test_it_has_every_file_once_but_the_examples(self) -> None:
        found = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml"))
        wanted = [name for name in found if name != "kustomization.yaml" and not name.startswith("examples/")]
        self.assertEqual(sorted(self.kustomization["resources"]), wanted)

    def test_namespaces_come_first_and_definitions_before_what_uses_them(self) -> None:
        resources = self.kustomization["resources"]
        last = max(index for index, name in enumerate(resources) if name.startswith("crds/"))
        self.assertEqual(resources[0], "namespaces.yaml")
        self.assertLess(last, resources.index("deployment.yaml"))

    def test_its_configuration_is_one(self) -> None:
        config = parse((FOLDER / "dicot.toml").read_text())
        ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
        self.assertEqual([each.port for each in config.listen], [ports["api"]])
        self.assertEqual([each.port for each in config.status_listen], [ports["status"]])

    def test_all_are_in_dicots_namespace(self) -> None:
        for name in ("deployment.yaml", "service.yaml", "disruption.yaml", "network.yaml"):
            self.assertEqual(read(name)["metadata"]["namespace"], SYSTEM_NAMESPACE, name)

    def test_what_selects_pods_selects_dicots(self) -> None:
        labels = read("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
        deployment, network = read("deployment.yaml")["spec"], read("network.yaml")["spec"]
        spread = deployment["template"]["spec"]["topologySpreadConstraints"]
        selectors = [
            deployment["selector"],
            {"matchLabels": read("service.yaml")["spec"]["selector"]},
            read("disruption.yaml")["spec"]["selector"],
            network["podSelector"],
            *(each["labelSelector"] for each in spread),
        ]
        self.assertEqual(selectors, [{"matchLabels": labels}] * len(selectors))


class PodTests(SynchronousTestCase):
    """How a replica runs."""

    def test_it_may_nothing_on_its_node(self) -> None:
        pod = read("deployment.yaml")["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        rights = container()["securityContext"]
        self.assertTrue(rights["readOnlyRootFilesystem"])
        self.assertFalse(rights["allowPrivilegeEscalation"])
        self.assertEqual(rights["capabilities"], {"drop": ["ALL"]})

    def test_one_that_ends_has_the_time_that_its_writes_have(self) -> None:
        pod = read("deployment.yaml")["spec"]["template"]["spec"]
        pause = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], pause + 2 * PATIENCE)

    def test_no_replica_is_taken_before_another_is_ready(self) -> None:
        spec = read("deployment.yaml")["spec"]
        self.assertEqual((spec["replicas"], spec["strategy"]["rollingUpdate"]["maxUnavailable"]), (2, 0))

    def test_probes_ask_what_is_served_without_a_token(self) -> None:
        paths = {probe: container()[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
        self.assertEqual(paths, {"livenessProbe": "/healthz", "readinessProbe": "/readyz"})


class ImageTests(SynchronousTestCase):
    """The Containerfile."""

    def setUp(self) -> None:
        text = (ROOT / "Containerfile").read_text()
        self.steps = steps(text)
        self.last = {step.word: step.text for step in self.steps}

    def test_it_runs_as_the_deployment_says(self) -> None:
        security = read("deployment.yaml")["spec"]["template"]["spec"]["securityContext"]
        self.assertEqual(self.last["USER"], f"{security['runAsUser']}:{security['runAsGroup']}")
        ports = sorted(str(port["containerPort"]) for port in container()["ports"])
        self.assertEqual(self.last["EXPOSE"].split(), ports)

    def test_it_reads_the_configuration_that_is_mounted(self) -> None:
        mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
        self.assertEqual(json.loads(self.last["CMD"])[-1], f"{mounts['config']}/dicot.toml")

    def test_its_last_stage_builds_nothing(self) -> None:
        stages = [index for index, step in enumerate(self.steps) if step.word == "FROM"]
        told = " ".join(step.text for step in self.steps[stages[-1] :])
        self.assertEqual((len(stages), "pip" in told, "venv" in told), (2, False, False))

    def test_the_installation_asks_for_this_version(self) -> None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        [image] = read("kustomization.yaml")["images"]
        self.assertEqual((image["name"], image["newTag"]), (container()["image"], version))


def container() -> Any:
    """The container of a replica."""
    [found] = read("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return found
