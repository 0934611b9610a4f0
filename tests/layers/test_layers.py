"""What may import what (the table of the architecture), by walking the imports of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("identity", "compute", "image", "network", "volume")
LEAVES = {
    "dicot.faults",
    "dicot.names",
    "dicot.caller",
    "dicot.config",
    "dicot.moments",
    "dicot.pull",
    "dicot.spellings",
    "dicot._version",
}
ALLOWED = {
    "kube": {"kube"},
    "web": {"web"},
    "cloud": {"cloud", "kube", "web"},
    "status": {"status", "cloud", "kube", "web"},
    "sandbox": {"sandbox", "kube"},
    **{service: {service, "cloud", "kube", "web"} for service in SERVICES},
}
CLOUD: dict[str, set[str]] = {
    "reading": set(),
    "writing": set(),
    "callers": set(),
    "chores": {"writing"},
    "tenancy": {"reading", "writing", "chores"},
}
"""Which groups of cloud each one imports."""
ONLY_IN = {
    "klein": {"web"},
    "treq": {"kube"},
    "twisted.web": {"web", "kube", "tap", "sandbox"},
}
FREE_OF_TWISTED = (
    "dicot.kube.kind",
    "dicot.cloud.kinds",
    "dicot.cloud.resource",
    "dicot.cloud.reading.shelf",
    "dicot.cloud.plan",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Absolute names of what a module imports, whether a module or a name in one."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


MODULES = {module_name(path): set(imports(path)) for path in sorted((ROOT / "dicot").rglob("*.py"))}


def part(module: str) -> str:
    """kube of dicot.kube.store; tap of dicot.tap."""
    return module.split(".")[1] if "." in module else ""


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def modules_of(name: str) -> set[str]:
    """The modules of ours that importing a name loads."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return {name} if name else set()


def reached(module: str) -> set[str]:
    """Everything that a module imports, of ours transitively."""
    seen: set[str] = set()
    found: set[str] = set()
    open_ = {module}
    while open_:
        now = open_.pop()
        seen.add(now)
        found |= MODULES[now]
        for name in MODULES[now]:
            open_ |= modules_of(name) - seen
    return found


class LayerTests(SynchronousTestCase):
    """Arrows of the architecture, transitive."""

    def test_layers_import_downwards_only(self) -> None:
        for module, names in MODULES.items():
            allowed = ALLOWED.get(part(module))
            if allowed is None:
                continue
            for name in names:
                if within(name, "dicot") and not any(within(name, leaf) for leaf in LEAVES):
                    self.assertIn(part(name), allowed, f"{module} imports {name}")

    def test_groups_of_cloud_import_downwards_only(self) -> None:
        for group, allowed in CLOUD.items():
            members = [module for module in MODULES if within(module, f"dicot.cloud.{group}")]
            self.assertGreater(len(members), 1, group)
            for module in members:
                for name in MODULES[module]:
                    if name.startswith("dicot.cloud.") and (found := name.split(".")[2]) in CLOUD:
                        self.assertIn(found, allowed | {group}, f"{module} imports {name}")

    def test_leaves_import_nothing_of_ours_but_leaves(self) -> None:
        for leaf in LEAVES & set(MODULES):
            for name in MODULES[leaf]:
                if within(name, "dicot"):
                    self.assertTrue(any(within(name, other) for other in LEAVES), f"{leaf} imports {name}")

    def test_libraries_stay_where_they_belong(self) -> None:
        for module, names in MODULES.items():
            for library, parts in ONLY_IN.items():
                if any(within(name, library) for name in names):
                    self.assertIn(part(module), parts, f"{module} imports {library}")

    def test_services_import_no_twisted_directly(self) -> None:
        for module, names in MODULES.items():
            if part(module) in SERVICES:
                outside = [name for name in names if any(within(name, lib) for lib in ("twisted", "klein", "treq"))]
                self.assertEqual(outside, [], module)

    def test_pure_modules_are_free_of_twisted_also_transitively(self) -> None:
        for package in FREE_OF_TWISTED:
            for module in [name for name in MODULES if within(name, package)]:
                twisted = {name for name in reached(module) if within(name, "twisted") or within(name, "klein")}
                self.assertEqual(twisted, set(), module)

    def test_reactor_is_imported_only_inside_functions_that_make_services(self) -> None:
        for path in sorted((ROOT / "dicot").rglob("*.py")):
            if path.name in ("tap.py", "__main__.py"):
                continue
            self.assertNotIn("twisted.internet.reactor", MODULES[module_name(path)], str(path))

    def test_nothing_imports_the_sandbox(self) -> None:
        for module, names in MODULES.items():
            if part(module) != "sandbox":
                self.assertFalse(any(within(name, "dicot.sandbox") for name in names), module)
