"""What is asked of a subresource, and of whom."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from dicot.kube.kind import Manifest

from ...apiserver.seams import Reader
from ..settings import Settings
from .refusals import INSTANCE, MACHINE, bad, internal, missing, unserved

FINAL = ("Succeeded", "Failed")
Options = Mapping[str, str]
"""Fields of options, and Go's words for their types."""
_UNREADABLE = "Can not unmarshal Request body to struct, error: "
_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int64": (int,),
    "string": (str,),
    "[]string": (list,),
    "map[string]string": (dict,),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a subresource of a machine or an instance, and what it may look at."""

    reader: Reader
    settings: Settings
    namespace: str
    resource: str
    name: str
    body: bytes

    def machine(self) -> Manifest:
        """The machine of that name. Raises Refusal."""
        found = self.reader.get("kubevirt.io", "virtualmachines", self.namespace, self.name)
        if found is None:
            raise missing(MACHINE, self.name)
        return found

    def any_instance(self) -> Manifest | None:
        """The instance of that name, None where there is none."""
        return self.reader.get("kubevirt.io", "virtualmachineinstances", self.namespace, self.name)

    def instance(self) -> Manifest:
        """The instance of that name. Raises Refusal."""
        found = self.any_instance()
        if found is None:
            raise missing(INSTANCE, self.name)
        return found

    def options(self, kind: str, fields: Options) -> Manifest:
        """The body as options of a kind; nothing stands for none. Raises Refusal."""
        text = self.body.strip()
        if not text:
            return {}
        if not text.startswith((b"{", b"[")):
            raise unserved("options that are not JSON are")
        try:
            given = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            if "truncated" in str(error):
                raise bad(f"{_UNREADABLE}unexpected EOF") from None
            raise unserved("options that are not JSON are") from None
        if isinstance(given, list):
            why = f"json: cannot unmarshal array into Go value of type v1.{kind}"
            raise bad(f"{_UNREADABLE}error unmarshaling JSON: while decoding JSON: {why}")
        for key, expected in fields.items():
            if given.get(key) is not None and type(given[key]) not in _TYPES[expected]:
                told = _kind(given[key])
                why = f"json: cannot unmarshal {told} into Go struct field {kind}.{key} of type {expected}"
                raise bad(_UNREADABLE + why)
        return {key: value for key, value in given.items() if value is not None}


def _kind(value: object) -> str:
    """What Go calls a value of JSON."""
    kinds = ((bool, "bool"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")


def is_dry(options: Manifest, kind: str) -> bool:
    """Whether nothing is to be written; ``kind`` of the options that the API server gets. Raises Refusal."""
    asked = options.get("dryRun") or []
    if asked and asked != ["All"]:
        shown = msgspec.json.encode(asked).decode()
        told = f'dryRun: Unsupported value: {shown}: supported values: "All"'
        raise internal(f'{kind}.meta.k8s.io "" is invalid: {told}')
    return bool(asked)


def phase(vmi: Manifest | None) -> str:
    """The phase of an instance, "" where there is none."""
    found: str = (vmi or {}).get("status", {}).get("phase", "")
    return found


def holds(found: Manifest, condition: str, status: str = "") -> bool:
    """Whether an object has a condition, of a status if that is given."""
    conditions = found.get("status", {}).get("conditions") or ()
    return any(each["type"] == condition and status in ("", each["status"]) for each in conditions)
