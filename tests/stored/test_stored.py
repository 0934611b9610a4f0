"""Objects that releases have written, as data beside this: each is read as it was meant, and will be.

``v0_1_0`` was written by that release: the objects of a server with its project, and what the release itself answered
of that server. A release that changes a stored form adds a folder of its own; none is changed any more.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import LEDGER, NAME_CLAIM
from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.tenancy.calls import kinds
from dicot.compute.server.view import SHOW, band
from dicot.compute.server_group import SERVER_GROUP
from dicot.config import Config
from dicot.kube.kind import Kind, Manifest
from dicot.served import resources
from tests.compute.server.world import World

FOLDERS = sorted(path for path in Path(__file__).parent.iterdir() if path.name.startswith("v") and path.is_dir())
KINDS = {kind.plural: kind for kind in (*kinds(resources(Config())), LEDGER, NAME_CLAIM) if "dicot.io" in kind.group}
ANSWERS = ("answer.json", "actions.json")
SHOWN = (
    *("id", "name", "metadata", "tags", "description", "key_name", "locked", "locked_reason", "flavor", "addresses"),
    *("OS-SRV-USG:launched_at", "server_groups", "security_groups", "status", "user_id", "config_drive", "created"),
)
"""What of the answer is kept in objects, and not told by nodes or configuration."""


def stored(folder: Path, plural: str) -> list[Manifest]:
    """The objects of a kind."""
    found: list[Manifest] = json.loads((folder / f"{plural}.json").read_text())
    return found


def own(folder: Path) -> Iterator[tuple[Kind[Any], Manifest]]:
    """The objects of Dicot's own kinds."""
    for path in sorted(folder.glob("*.json")):
        if path.stem in KINDS:
            yield from ((KINDS[path.stem], body) for body in stored(folder, path.stem))


def read(kind: Kind[Any], body: Manifest) -> Any:
    """What is kept of an object."""
    return kind.read(kind.decode(msgspec.json.encode(body))).spec


class StoredCase(SynchronousTestCase):
    """Compares what was written with what is read of it."""

    def agree(self, written: Any, seen: Any, where: str) -> None:
        if isinstance(seen, msgspec.Struct):
            for name, value in written.items():
                self.assertTrue(hasattr(seen, name), f"{where}.{name} is read no more")
                self.agree(value, getattr(seen, name), f"{where}.{name}")
        elif isinstance(written, list):
            self.assertEqual(len(written), len(seen), where)
            for index, (one, other) in enumerate(zip(written, seen, strict=True)):
                self.agree(one, other, f"{where}[{index}]")
        else:
            self.assertEqual(msgspec.to_builtins(seen), written, where)


class OlderTests(StoredCase):
    """Upgrade: this release reads what an older one has written."""

    def test_every_kind_of_dicots_is_among_them(self) -> None:
        newest = {path.stem for path in FOLDERS[-1].glob("*.json")}
        self.assertEqual(set(KINDS) - newest, set(), "store an object of each kind in the newest folder")

    def test_every_field_is_read_as_it_was_written(self) -> None:
        for folder in FOLDERS:
            for kind, body in own(folder):
                self.agree(body["spec"], read(kind, body), f"{folder.name} {kind.plural}")

    def test_a_server_is_shown_as_it_was(self) -> None:
        for folder in FOLDERS:
            world = World()
            [machine] = stored(folder, "virtualmachines")
            row = world.add(VM, machine)
            for kind in (VMI, PORT, SECURITY_GROUP, SERVER_GROUP):
                for body in stored(folder, kind.plural):
                    world.add(kind, body)
            answer = json.loads((folder / "answer.json").read_text())["server"]
            shown = world.document(row, (SHOW, band((2, 95)), False))
            for name in SHOWN:
                self.assertEqual(shown[name], answer[name], f"{folder.name} {name}")


class NewerTests(StoredCase):
    """The way back: what a newer release has added to an object is passed over."""

    def test_what_is_not_known_changes_nothing(self) -> None:
        for kind, body in own(FOLDERS[-1]):
            newer = {**body, "spec": {**body["spec"], "added": {"by": ["a newer release"]}, "formatVersion": 2}}
            expected = msgspec.structs.replace(read(kind, body), formatVersion=2)
            self.assertEqual(read(kind, newer), expected, kind.plural)
