"""Builds the programs of a cluster once and keeps them in the user's cache folder.

``python -m tests.cluster.build`` builds what is missing and prints where each module's programs lie.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from tests.cluster import toolchain
from tests.cluster.cache import cache_folder, locked
from tests.cluster.modules import MODULES, OBJECTS, Module
from tests.cluster.toolchain import Toolchain

FLAGS = ("-trimpath",)
LINKER = ("-s", "-w")
STRIDE = 10.0

Run = Callable[[list[str], Path, str], bytes]


class BuildError(Exception):
    """A program could not be built; the text carries what the compiler said."""


def inputs(module: Module) -> list[Path]:
    """The files that decide what a module's programs are."""
    pins = module.source / module.pins
    return sorted([pins, pins.with_suffix(".sum"), *module.source.rglob("*.go")])


def key(module: Module, series: str) -> str:
    """Name of what is built from a module: it changes with any input, flag, program or Go series."""
    digest = hashlib.sha256()
    target = (series, platform.machine(), FLAGS, LINKER, module.linker)
    recipe = (target, module.programs, module.printer, module.files_of)
    digest.update(repr(recipe).encode())
    for path in inputs(module):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(module.source)} {len(content)}\n".encode())
        digest.update(content)
    return f"{module.name}-{digest.hexdigest()[:16]}"


class Builder:
    """Brings modules to their place in the cache. ``run`` executes a command and returns what it wrote."""

    def __init__(self, cache: Path, go: Toolchain, run: Run) -> None:
        self._cache = cache
        self._go = go
        self._run = run

    def place(self, module: Module) -> Path:
        return self._cache / "cluster" / key(module, self._go.series)

    def ensure(self, module: Module) -> Path:
        """Folder with the module's programs, built now if they are missing."""
        place = self.place(module)
        if place.exists():
            return place
        with locked(place.with_name(f"{module.name}.lock")):
            if not place.exists():
                self._install(module, place)
        return place

    def _install(self, module: Module, place: Path) -> None:
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".building-") as name:
            draft = Path(name) / module.name
            draft.mkdir()
            for program, package in module.programs:
                self._compile(module, package, draft / program)
            if module.printer is not None:
                self._print_objects(module, draft)
            draft.rename(place)

    def _compile(self, module: Module, package: str, target: Path) -> None:
        linker = " ".join((*LINKER, *module.linker))
        flags = [*FLAGS, f"-modfile={module.pins}", "-ldflags", linker]
        command = [self._go.command, "build", *flags, "-o", str(target), package]
        self._run(command, module.source, f"{module.name}: {target.name}")

    def _print_objects(self, module: Module, draft: Path) -> None:
        printer = draft / "objects"
        self._compile(module, str(module.printer), printer)
        command = [str(printer)]
        if module.files_of is not None:
            question = [self._go.command, "list", "-m", "-f", "{{.Dir}}", module.files_of]
            answer = self._run(question, module.source, f"{module.name}: files")
            command.append(answer.decode().strip())
        (draft / OBJECTS).write_bytes(self._run(command, module.source, f"{module.name}: {OBJECTS}"))
        printer.unlink()


def announced(go: Toolchain, report: TextIO) -> Run:
    """Runs commands one after another and tells every few seconds how long the present one has taken."""

    def run(command: list[str], folder: Path, title: str) -> bytes:
        began = time.monotonic()
        print(f"{title} ...", file=report, flush=True)
        with subprocess.Popen(
            command, cwd=folder, env=go.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            while True:
                try:
                    output, complaint = process.communicate(timeout=STRIDE)
                    break
                except subprocess.TimeoutExpired:
                    print(f"{title} ... {time.monotonic() - began:.0f} s", file=report, flush=True)
        if process.returncode != 0:
            said = complaint.decode(errors="replace")
            raise BuildError(f"{title}: {' '.join(command)} failed in {folder}:\n{said}")
        print(f"{title}: {time.monotonic() - began:.1f} s", file=report, flush=True)
        return output

    return run


def ensure_all(report: TextIO = sys.stderr) -> dict[str, Path]:
    """Folder of each module's programs by the module's name, built now as far as they are missing."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    go = toolchain.find(cache)
    builder = Builder(cache, go, announced(go, report))
    return {module.name: builder.ensure(module) for module in MODULES}


def find(programs: Mapping[str, Path], name: str) -> Path:
    """Path of a program among built modules."""
    for folder in programs.values():
        if (folder / name).exists():
            return folder / name
    raise LookupError(f"no module builds {name}")


def main() -> int:
    os.nice(5)
    try:
        for name, folder in ensure_all().items():
            print(f"{name} {folder}")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
