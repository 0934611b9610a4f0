"""``python -m tests.cluster.numbers``: the numbers that fields have in protobuf, written down for the sandbox.

They stand in the modules of Kubernetes that are built here (generated.proto); only numbers, names and types are kept.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import json

from dicot.sandbox import facts
from tests.cluster import toolchain
from tests.cluster.cache import cache_folder

FILE = Path(facts.__file__).with_name("numbers.json")
MODULES = ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator")
ALSO = (
    "k8s.io.api.authentication.v1.TokenRequest",
    "k8s.io.api.core.v1.Binding",
    "k8s.io.api.policy.v1.Eviction",
    "k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions",
)
"""Those that are sent and have no type in OpenAPI of their own, or none that was recorded."""
_PACKAGE = re.compile(r"^package ([\w.]+);", re.MULTILINE)
_MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (?:(optional|repeated) )?(map<string, ([.\w]+)>|[.\w]+) (\w+) = (\d+);", re.MULTILINE)
Field = tuple[str, str, str]
"""JSON name ("" of what is inlined), type, and "", "repeated" or "map"."""


def messages(folder: Path) -> Iterator[tuple[str, dict[str, Field]]]:
    """Every message of the files in a folder, by its full name."""
    for path in sorted(folder.rglob("generated.proto")):
        text = path.read_text()
        found = _PACKAGE.search(text)
        assert found is not None
        for name, body in _MESSAGE.findall(text):
            yield f"{found[1]}.{name}", dict(_fields(body, found[1], name))


def _fields(body: str, package: str, message: str) -> Iterator[tuple[str, Field]]:
    known = facts.types().get(documented(f"{package}.{message}"))
    for label, type_, value, name, number in _FIELD.findall(body):
        shown = name if known is None or name in known.get("properties", {}) else ""
        kind = value or type_
        scalar = kind in ("string", "bytes", "bool", "int32", "int64", "double")
        full = kind if scalar else kind.lstrip(".") if "." in kind else f"{package}.{kind}"
        yield number, (shown, full, "map" if value else "repeated" if label == "repeated" else "")


def documented(message: str) -> str:
    """The name of a message among the types of OpenAPI."""
    return message.replace("k8s.io.", "io.k8s.", 1).replace("_", "-")


def reached(all_: dict[str, dict[str, Field]]) -> dict[str, dict[str, Field]]:
    """The messages of kinds that are served, and all that are in them."""
    roots = [name for name in all_ if "x-kubernetes-group-version-kind" in facts.types().get(documented(name), ())]
    open_, found = [*roots, *ALSO], {}
    while open_:
        name = open_.pop()
        if name in all_ and name not in found:
            found[name] = all_[name]
            open_ += [type_ for _, type_, _ in all_[name].values()]
    return dict(sorted(found.items()))


def main() -> None:
    """Write the file."""
    go = toolchain.find(cache_folder())
    module = Path(__file__).parent / "kubernetes"
    all_: dict[str, dict[str, Field]] = {}
    for name in MODULES:
        command = [go.command, "list", "-m", "-f", "{{.Dir}}", name]
        found = subprocess.run(command, cwd=module, env=go.environment(), check=True, capture_output=True, text=True)
        all_.update(messages(Path(found.stdout.strip())))
    FILE.write_bytes(json.format(json.encode(reached(all_)), indent=1) + b"\n")


if __name__ == "__main__":
    main()
