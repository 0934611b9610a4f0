"""A machine with all that its instancetype says (pkg/instancetype/expand, rest/expand.go)."""

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Refusal
from ...apiserver.seams import Reader
from .. import instancetypes
from ..admission import defaults, schema
from ..admission.causes import held
from ..settings import Settings
from .refusals import bad, unserved

_AT = "spec.template.spec"
_UNREADABLE = "Can not unmarshal Request body to struct, error: unexpected end of JSON input"
_REFERENCES = ("instancetypeRef", "preferenceRef")


class Unexpandable(Exception):
    """What it names is not there, or says what the machine says itself."""


def expand(vm: Manifest, reader: Reader, settings: Settings) -> Manifest:
    """The machine, expanded. Raises Unexpandable, or Refusal for what nobody uses yet."""
    if not vm["spec"].get("instancetype") and not vm["spec"].get("preference"):
        return vm
    flavor = instancetypes.find(reader, vm)
    if flavor is None and vm["spec"].get("instancetype"):
        raise Unexpandable(_absent(vm))
    if vm["spec"].get("preference"):
        raise unserved("preferences are")
    vm = copy.deepcopy(vm)
    guest = vm["spec"]["template"]["spec"]
    if flavor is not None:
        applied, conflicts = instancetypes.apply(_AT, flavor, guest)
        if conflicts:
            fields = ", ".join(cause.field for cause in conflicts)
            raise Unexpandable(f"VM field(s) {fields} conflicts with selected instance type")
        vm["spec"]["template"]["spec"] = guest = applied
    defaults.whole(guest, settings)
    for key in ("instancetype", "preference"):
        vm["spec"].pop(key, None)
    for key in _REFERENCES:
        vm.get("status", {}).pop(key, None)
    return vm


def read(body: bytes, namespace: str, form: Mapping[str, Any] | None) -> Manifest:
    """The machine that a client wants to see expanded. Raises Refusal."""
    try:
        vm = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        # Other mistakes have other words, which nobody needs yet.
        raise bad(_UNREADABLE) from None
    causes = tuple(schema.check(vm, form))
    if causes:
        raise Refusal(400, "BadRequest", "Object is not a valid VirtualMachine", causes=causes)
    metadata = vm.setdefault("metadata", {})
    if metadata.get("namespace", namespace) != namespace:
        raise bad(f"VM namespace must be empty or {namespace}")
    metadata["namespace"] = namespace
    vm.setdefault("status", {})
    vm["spec"]["template"].setdefault("metadata", {})
    held(vm, "spec", "template", "spec", "domain").setdefault("resources", {})
    return {**vm, "spec": schema.written(vm["spec"], schema.of_spec(form))}


def _absent(vm: Manifest) -> str:
    named = vm["spec"]["instancetype"]
    kind = named.get("kind", "").lower()
    if named.get("revisionName"):
        return f'controllerrevisions.apps "{named["revisionName"]}" not found'
    if kind not in (*instancetypes.NAMESPACED, *instancetypes.CLUSTER):
        return f"got unexpected kind in InstancetypeMatcher: {named['kind']}"
    plural = instancetypes.NAMESPACED[1] if kind in instancetypes.NAMESPACED else instancetypes.CLUSTER[1]
    return f'{plural}.{instancetypes.GROUP} "{named.get("name", "")}" not found'
