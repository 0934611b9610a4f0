"""Interfaces of a machine that its instance takes, or lets go, while it runs (pkg/network/controllers/vm.go)."""

from collections.abc import Mapping
from typing import Any

from dicot.kube.kind import Manifest

from .networks import interfaces, is_ordinal, is_secondary, named, of
from .objects import is_going, is_same, status

_PLUGGABLE = ("bridge", "sriov")
Spec = tuple[list[Manifest], list[Manifest]]
"""Interfaces and their networks."""


def to_instance(template: Manifest, guest: Manifest) -> Mapping[str, Any]:
    """What a running instance is to have otherwise, by path."""
    spec = guest["spec"]
    ports, networks = _given(template, guest)
    shown = named(status(guest).get("interfaces"))
    ports = [each for each in ports if each.get("state") != "absent" or each["name"] in shown]
    return _changes("/spec", spec, (ports, of(networks, ports)))


def to_machine(template: Manifest, guest: Manifest | None) -> Mapping[str, Any]:
    """What the machine is to have otherwise: an interface that was to go is gone from its instance."""
    if guest is not None and is_going(guest):
        return {}
    left = {*named(interfaces(guest)), *named(status(guest).get("interfaces"))} if guest is not None else set()
    devices = template["domain"].get("devices") or {}
    ports = [
        each for each in devices.get("interfaces") or () if each.get("state") != "absent" or each["name"] in left
    ]
    return _changes("/spec/template/spec", template, (ports, of(template.get("networks"), ports)))


def _given(template: Manifest, guest: Manifest) -> Spec:
    """What an instance has, and what its machine gives it (applyDynamicIfaceRequestOnVMI)."""
    ports, networks = interfaces(guest), list(guest["spec"].get("networks") or ())
    had, offered = named(ports), named(template.get("networks"))
    ordinal = _has_ordinals(guest)
    for port in template["domain"]["devices"].get("interfaces") or ():
        known = had.get(port["name"])
        if known is None:
            if port.get("state") != "absent" and any(each in port for each in _PLUGGABLE):
                ports.append(port)
                networks.append(offered[port["name"]])
        elif _may_follow(known, port, ordinal):
            ports = [_in_state(each, port) if each is known else each for each in ports]
    return ports, networks


def _may_follow(known: Manifest, port: Manifest, ordinal: bool) -> bool:
    state, wanted = known.get("state", ""), port.get("state", "")
    return bool(state not in ("absent", wanted) and not (ordinal and wanted == "absent"))


def _in_state(port: Manifest, wanted: Manifest) -> Manifest:
    kept = {key: value for key, value in port.items() if key != "state"}
    return kept | ({"state": wanted["state"]} if wanted.get("state") else {})


def _has_ordinals(guest: Manifest) -> bool:
    """Whether its launcher's interfaces have the older names, as far as is known (HasOrdinalSecondaryIfaces)."""
    secondary = [each for each in guest["spec"].get("networks") or () if is_secondary(each)]
    shown = named(status(guest).get("interfaces"))
    names = (shown.get(each["name"], {}).get("podInterfaceName") for each in secondary)
    return bool(secondary) and is_ordinal(next((each for each in names if each), "net1"))


def _changes(at: str, spec: Manifest, wanted: Spec) -> Mapping[str, Any]:
    ports, networks = wanted
    had = (spec["domain"].get("devices") or {}).get("interfaces"), spec.get("networks")
    if is_same(had[0], ports) and is_same(had[1], networks):
        return {}
    return {f"{at}/networks": networks, f"{at}/domain/devices/interfaces": ports}
