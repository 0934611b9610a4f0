"""Which programs a cluster is made of, and the Go module each comes from.

Each module pins its own ``k8s.io/*``; the replace blocks are those of the projects themselves. Whoever changes a
version runs ``go mod tidy`` in the folder; some modules are unknown to the checksum database, and for that one run
``GONOSUMDB`` must name them: github.com/rhobs/operator-observability-toolkit, github.com/openshift/library-go,
kubevirt.io/virt-template-engine, kubevirt.io/virt-template-client-go, kubevirt.io/virt-template-api.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
OBJECTS = "objects.json"
KUBERNETES_VERSIONS = {"v1.34": "v1.34.4", "v1.36": "v1.36.3", "v1.37": "v1.37.0"}
"""What Dicot is tried on, by the series that ``DICOT_KUBERNETES`` may name; without it, it is the middle one."""
KUBERNETES_SERIES = "v1.36"
KUBEVIRT_VERSION = "v1.8.4"
CDI_VERSION = "v1.65.0"


@dataclass(frozen=True, slots=True)
class Module:
    """A folder with a go.mod: its programs by file name, and the package that prints what it registers.

    ``files_of`` names a module whose own directory that printer takes as its argument; ``pins`` is the file that
    stands for go.mod where a folder has several, each with its sums beside it.
    """

    name: str
    programs: tuple[tuple[str, str], ...] = ()
    printer: str | None = None
    files_of: str | None = None
    linker: tuple[str, ...] = ()
    folder: Path = field(default=HERE)
    pins: str = "go.mod"

    @property
    def source(self) -> Path:
        return self.folder / self.name


def _version(setting: str, value: str) -> str:
    return f"-X k8s.io/component-base/version.{setting}={value}"


def kubernetes(series: str) -> Module:
    """Kubernetes of a series such as v1.36."""
    return Module(
        "kubernetes",
        programs=(("controlplane", "./controlplane"), ("kubectl", "k8s.io/kubernetes/cmd/kubectl")),
        linker=(
            _version("gitVersion", KUBERNETES_VERSIONS[series]),
            _version("gitMajor", "1"),
            _version("gitMinor", series.partition(".")[2]),
            _version("gitTreeState", "clean"),
        ),
        pins="go.mod" if series == KUBERNETES_SERIES else f"{series}.mod",
    )


_CHOSEN = os.environ.get("DICOT_KUBERNETES", KUBERNETES_SERIES)
KUBERNETES_VERSION = KUBERNETES_VERSIONS[_CHOSEN]
KUBERNETES = kubernetes(_CHOSEN)
KUBEVIRT = Module(
    "kubevirt",
    programs=(
        ("virt-api", "kubevirt.io/kubevirt/cmd/virt-api"),
        ("virt-controller", "./controller"),
        ("virt-exportserver", "kubevirt.io/kubevirt/cmd/virt-exportserver"),
        ("virtctl", "kubevirt.io/kubevirt/cmd/virtctl"),
    ),
    printer="./objects",
    linker=(f"-X kubevirt.io/client-go/version.gitVersion={KUBEVIRT_VERSION}",),
)
CDI = Module(
    "cdi",
    programs=(
        ("cdi-apiserver", "./apiserver"),
        ("cdi-controller", "./controller"),
        ("cdi-uploadproxy", "./uploadproxy"),
    ),
    printer="./objects",
)
SNAPSHOTS = Module(
    "snapshots",
    programs=(("snapshot-controller", "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller"),),
    printer="./objects",
    files_of="github.com/kubernetes-csi/external-snapshotter/client/v8",
)
MODULES = (KUBERNETES, KUBEVIRT, CDI, SNAPSHOTS)
