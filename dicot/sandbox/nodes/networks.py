"""What Multus and its dynamic networks controller make of Pods that are to have more than the cluster's network.

Pods say in an annotation what they are to be attached to, and Multus in another what they are attached to
(k8snetworkplumbingwg: multus-cni, and multus-dynamic-networks-controller, pkg/controller). The form of the former
that is a list of names with commas is not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ..marks import FAULT
from ..steps import REST, Decision, Look, Patch, act
from .kinds import ATTACHED, WANTED, Pod

T = TypeVar("T")
_AGAIN = 1.0
"""Seconds until a Pod is started again whose network was not there."""


class Element(msgspec.Struct, frozen=True):
    """Something that a Pod is to be attached to (NetworkSelectionElement)."""

    name: str
    namespace: str = ""
    interface: str = ""
    mac: str = ""


def decide(pod: Pod, address: str) -> Decision | None:
    """Attach a Pod to what it is to have, and to nothing else; None where it is.

    A Pod that runs is only attached to more where the dynamic networks controller is there, which soon gives up.
    """
    wanted, has = _wanted(pod), attached(pod)
    runs = pod.status.phase == "Running"
    if runs and pod.metadata.annotations.get(FAULT) == "static-networks":
        return None
    known = {_key(each): each for each in has}
    missing = [each for each in wanted if (_path(each), each.interface) not in known]
    kept = [each for each in has if each.get("default")] or ([_own(pod, address)] if wanted else [])
    stay = {(_path(each), each.interface) for each in wanted}
    told = [*kept, *(each for key, each in known.items() if key in stay), *(_made(pod, each) for each in missing)]
    return _seen(missing, _patch(pod, told), REST if runs else Decision(again=_AGAIN)) if told != list(has) else None


def attached(pod: Pod) -> Sequence[Manifest]:
    """What a Pod is attached to, as it says itself."""
    return _read(pod.metadata.annotations.get(ATTACHED, ""), list[dict[str, Any]])


def _wanted(pod: Pod) -> Sequence[Element]:
    """Those that name their interface, which all of KubeVirt's do."""
    found = _read(pod.metadata.annotations.get(WANTED, ""), list[Element])
    home = pod.metadata.namespace
    named = (msgspec.structs.replace(each, namespace=each.namespace or home) for each in found)
    return [each for each in named if each.interface]


def _read(text: str, kind: type[list[T]]) -> list[T]:
    """A list in an annotation, empty where there is none: anybody may write there."""
    try:
        return msgspec.json.decode(text or "[]", type=kind)
    except msgspec.MsgspecError:
        return []


def _path(element: Element) -> str:
    return f"{element.namespace}/{element.name}"


def _key(shown: Manifest) -> tuple[str, str]:
    return str(shown.get("name", "")), str(shown.get("interface", ""))


def _own(pod: Pod, address: str) -> Manifest:
    """The cluster's network."""
    return {
        "name": "sandbox",
        "interface": "eth0",
        "ips": [address],
        "mac": _mac(pod, "eth0"),
        "default": True,
        "dns": {},
    }


def _made(pod: Pod, element: Element) -> Manifest:
    mac = element.mac or _mac(pod, element.interface)
    return {"name": _path(element), "interface": element.interface, "mac": mac, "dns": {}}


def _mac(pod: Pod, interface: str) -> str:
    digest = sha256(f"{pod.metadata.uid}/{interface}".encode()).hexdigest()
    return ":".join(["0a", *(digest[at : at + 2] for at in range(0, 10, 2))])


def _seen(missing: Iterable[Element], then: Decision, otherwise: Decision) -> Decision:
    """See that there are such networks before a Pod is attached to them."""
    for each in missing:
        at = Place("k8s.cni.cncf.io", "v1", "network-attachment-definitions", each.namespace, each.name)
        then = act(Look(at, _always(then), otherwise))
    return then


def _always(decision: Decision) -> Any:
    return lambda _: decision


def _patch(pod: Pod, told: Sequence[Mapping[str, Any]]) -> Decision:
    text = msgspec.json.encode(told).decode()
    body = {"metadata": {"uid": pod.metadata.uid, "annotations": {ATTACHED: text}}}
    return act(Patch(Place("", "v1", "pods", pod.metadata.namespace, pod.metadata.name), body))
