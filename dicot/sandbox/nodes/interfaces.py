"""How a guest's interfaces show, when it starts and when they are plugged in and out (pkg/network/setup/netstat.go).

What the guest has is told by the ``infoSource`` of its status: "domain" where it has the interface, "guest-agent"
where its agent tells of it, "multus-status", which virt-controller writes, where its launcher is attached to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Literal

from dicot.kube.kind import Manifest

_DOMAIN, _AGENT, _MULTUS = "domain", "guest-agent", "multus-status"
_NO_LINK = "down"
Step = Literal["plug", "unplug", "forget", "link", ""]


def at_start(vmi: Manifest, address: str, attached: Sequence[Manifest]) -> list[Manifest]:
    """Those of a guest that is up. ``address`` is its launcher's, which is ``attached`` to more."""
    own = {each["name"] for each in vmi["spec"].get("networks") or () if "pod" in each}
    known = _named(vmi["status"].get("interfaces") or ())
    found = []
    for port in vmi["spec"]["domain"]["devices"].get("interfaces") or ():
        if port.get("state") != "absent":
            shown = device(vmi, port, known.get(port["name"], {}), attached)
            found.append(shown | ({"ipAddress": address, "ipAddresses": [address]} if port["name"] in own else {}))
    return sorted(found, key=lambda each: each["name"] not in own)


def _named(found: Iterable[Manifest]) -> Mapping[str, Manifest]:
    return {each.get("name", ""): each for each in found}


def device(vmi: Manifest, port: Manifest, known: Manifest, attached: Iterable[Manifest]) -> Manifest:
    """An interface that the guest has. ``known`` is what was told of it, ``attached`` what its launcher has."""
    sources = [_DOMAIN, *([_MULTUS] if _MULTUS in _sources(known) else [])]
    shown = {"name": port["name"], "infoSource": ", ".join(sources)}
    if "sriov" in port:
        shown |= {"mac": port["macAddress"]} if port.get("macAddress") else {}
    else:
        shown |= {"mac": _mac(vmi, port, known, attached), "linkState": _link(port), "queueCount": 1}
    return shown | ({"podInterfaceName": known["podInterfaceName"]} if known.get("podInterfaceName") else {})


def heard(shown: Manifest, index: int) -> Manifest:
    """An interface of which the guest's agent tells too."""
    sources = [_DOMAIN, _AGENT, *([_MULTUS] if _MULTUS in _sources(shown) else [])]
    return shown | {"infoSource": ", ".join(sources), "interfaceName": f"enp{index + 1}s0"}


def _link(port: Manifest) -> str:
    return _NO_LINK if port.get("state") == _NO_LINK else "up"


def _mac(vmi: Manifest, port: Manifest, known: Manifest, attached: Iterable[Manifest]) -> str:
    """What is asked for; where the guest is bridged, that of the Pod's interface; or one that the guest keeps."""
    name = known.get("podInterfaceName", "")
    theirs = (each.get("mac") for each in attached if name and each.get("interface") == name and "bridge" in port)
    uid: str = vmi["metadata"]["uid"]
    digest = sha256(f"{uid}/{port['name']}".encode()).hexdigest()
    own = ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])
    return port.get("macAddress") or next((each for each in theirs if each), None) or own


def _sources(shown: Manifest) -> list[str]:
    return list(shown.get("infoSource", "").split(", "))


def due(port: Manifest, shown: Manifest, *, secondary: bool) -> Step:
    """What is to be done about an interface that a guest shows; only a ``secondary`` one comes and goes."""
    sources, gone = _sources(shown), port.get("state") == "absent"
    if _DOMAIN in sources:
        if gone and secondary and "sriov" not in port:
            return "unplug"
        return "link" if not gone and shown.get("linkState", _link(port)) != _link(port) else ""
    if not secondary:
        return ""
    if _MULTUS in sources:
        return "" if gone else "plug"
    return "forget"


def followed(vmi: Manifest, attached: Sequence[Manifest]) -> list[Manifest]:
    """All that a guest shows once what is due has been done."""
    ports = vmi["spec"]["domain"]["devices"].get("interfaces") or []
    secondary = {each["name"] for each in vmi["spec"].get("networks") or () if "multus" in each}
    told, names = [], [each["name"] for each in ports]
    for shown in vmi["status"].get("interfaces") or ():
        name = shown.get("name", "")
        if name not in names:
            told.append(shown)
            continue
        port = ports[names.index(name)]
        step = due(port, shown, secondary=name in secondary)
        found = _done(step, vmi, port, shown, attached)
        if found is not None:
            told.append(heard(found, names.index(name)) if step == "plug" and _has_agent(vmi) else found)
    return told


def _done(
    step: Step, vmi: Manifest, port: Manifest, shown: Manifest, attached: Sequence[Manifest]
) -> Manifest | None:
    if step == "plug":
        return device(vmi, port, shown, attached)
    if step == "link":
        return shown | {"linkState": _link(port)}
    if step == "unplug" and _MULTUS in _sources(shown):
        name = {key: shown[key] for key in ("name", "podInterfaceName") if key in shown}
        return name | {"infoSource": _MULTUS}
    return shown if step == "" else None


def _has_agent(vmi: Manifest) -> bool:
    conditions = vmi["status"].get("conditions") or ()
    return any((each["type"], each["status"]) == ("AgentConnected", "True") for each in conditions)
