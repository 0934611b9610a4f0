"""Who owns which field of an object (metadata.managedFields; apimachinery, pkg/util/managedfields).

Fields are owned from the first apply of an object on, whether the server or kubectl applies.
"""

from dataclasses import dataclass, replace

from dicot.kube.kind import Manifest

from .patching import fieldset
from .patching.fieldset import Path
from .structural.node import Node

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl notes what it applied by itself."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    time: str
    fields: frozenset[Path]
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells entries apart. Of one who applies there is but one, whichever version he uses."""
        version = "" if self.operation == "Apply" else self.api_version
        return self.manager, self.operation, version, self.subresource

    @classmethod
    def read(cls, entry: Manifest) -> "Owner":
        """From JSON."""
        return cls(
            manager=entry.get("manager", ""),
            operation=entry.get("operation", ""),
            api_version=entry.get("apiVersion", ""),
            time=entry.get("time", ""),
            fields=frozenset(fieldset.read(entry.get("fieldsV1", {}))),
            subresource=entry.get("subresource", ""),
        )

    def written(self) -> Manifest:
        """As JSON."""
        found: Manifest = {"manager": self.manager, "operation": self.operation, "apiVersion": self.api_version}
        found |= {"time": self.time, "fieldsType": "FieldsV1", "fieldsV1": fieldset.written(self.fields)}
        return {**found, "subresource": self.subresource} if self.subresource else found


def note(manifest: Manifest) -> str | None:
    """What kubectl last applied by itself, None where it never did."""
    found: str | None = (manifest["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    return found


def owners(manifest: Manifest) -> list[Owner]:
    """Who owns fields of an object."""
    return [Owner.read(each) for each in manifest["metadata"].get("managedFields", ())]


def own(manifest: Manifest, found: list[Owner]) -> None:
    """Write down who owns what, in place: who applies comes first."""
    kept = sorted((each for each in found if each.fields), key=lambda each: (each.operation, each.time, each.manager))
    manifest["metadata"]["managedFields"] = [each.written() for each in kept]


def differing(old: Manifest, new: Manifest, node: Node | None) -> frozenset[Path]:
    """The fields that another value stands in than before."""
    was, is_ = fieldset.values(old, node), fieldset.values(new, node)
    return frozenset(path for path, value in is_.items() if path not in was or was[path] != value)


def track(new: Manifest, old: Manifest, node: Node | None, changing: Owner) -> None:
    """After a change that is no apply: who changed a field owns it, in place. Only of objects that were applied."""
    given = new["metadata"].get("managedFields")
    if given is not None and not any(given):
        # An empty entry takes all owners away.
        del new["metadata"]["managedFields"]
        return
    known = owners(new) or owners(old)
    if not known:
        return
    if not given:
        new["metadata"]["managedFields"] = old["metadata"]["managedFields"]
    changed, left = differing(old, new, node), frozenset(fieldset.values(new, node))
    if not changed and frozenset(fieldset.values(old, node)) == left:
        return
    mine = next((each for each in known if each.key == changing.key), changing)
    others = [replace(each, fields=(each.fields - changed) & left) for each in known if each.key != changing.key]
    own(new, [*others, replace(mine, fields=(mine.fields | changed) & left, time=changing.time)])
