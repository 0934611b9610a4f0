"""The networks of a guest, as virt-controller tells its launcher of them and reads there what came of it.

pkg/network/pod/annotations, pkg/network/controllers/vmi.go, pkg/network/migration/evaluator.go.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from dicot.kube.kind import Manifest
from dicot.moments import read, stamp

from ...nodes.kinds import ATTACHED, WANTED
from .objects import condition, is_migrating, meta, said, status, with_condition
from .objects import without_condition as without

GROUP, PLURAL = ("k8s.cni.cncf.io", "v1"), "network-attachment-definitions"
_DEFAULT = "v1.multus-cni.io/default-network"
MULTUS = "multus-status"
DOMAIN = "domain"
MIGRATION = "MigrationRequired"
AGAIN = 10.0
"""Seconds until it is asked again whether a guest must move."""
_PRIMARY = "eth0"
_ORDINAL = re.compile(r"net\d+\Z")
_PATIENCE = 15.0
"""Seconds in which a Pod that runs may be attached to something more, before its guest is moved to one that is."""
_REASONS = {"True": "AutoMigrationDueToLiveUpdate", "False": "AutoMigrationPending"}


def is_secondary(network: Manifest) -> bool:
    """Whether Multus brings it beside the Pod's own."""
    return "multus" in network and not network["multus"].get("default")


def interfaces(guest: Manifest) -> list[Manifest]:
    """The interfaces of a guest's spec."""
    return list(guest["spec"]["domain"]["devices"].get("interfaces") or ())


def of(networks: Iterable[Manifest] | None, ports: Iterable[Manifest]) -> list[Manifest]:
    """The networks of these interfaces, in their order (FilterNetworksByInterfaces)."""
    known = {each["name"]: each for each in networks or ()}
    return [known[each["name"]] for each in ports if each["name"] in known]


def named(found: Iterable[Manifest] | None) -> Mapping[str, Manifest]:
    """Interfaces or networks by their names."""
    return {each.get("name", ""): each for each in found or ()}


def is_ordinal(name: str) -> bool:
    """Whether an interface of a Pod has a name as KubeVirt gave them once."""
    return _ORDINAL.match(name) is not None


def at_start(guest: Manifest) -> dict[str, str]:
    """The annotations of a new launcher."""
    ports = [each for each in interfaces(guest) if each.get("state") != "absent"]
    networks = of(guest["spec"].get("networks"), ports)
    told = {}
    if any("masquerade" in each for each in interfaces(guest)):
        told["istio.io/reroute-virtual-interfaces"] = "k6t-eth0"
        told["traffic.sidecar.istio.io/kubevirtInterfaces"] = "k6t-eth0"
    default = [each for each in guest["spec"].get("networks") or () if "multus" in each and not is_secondary(each)]
    if default:
        told[_DEFAULT] = default[0]["multus"]["networkName"]
    chosen = _selection(guest, ports, networks, _hashed(networks))
    return told | ({WANTED: chosen} if chosen else {})


def amended(guest: Manifest, pod: Manifest) -> str | None:
    """What a launcher that runs is to be attached to from now on, None where nothing comes or goes."""
    ports = interfaces(guest)
    shown = named(status(guest).get("interfaces"))
    stay = [each for each in ports if each.get("state") != "absent"]
    # A virtual function cannot come to a Pod that runs: it comes with a migration.
    told = [each for each in stay if each["name"] in shown or "sriov" not in each]
    if len(stay) == len(ports) and all(each["name"] in shown for each in told):
        return None
    networks = of(guest["spec"].get("networks"), told)
    chosen = _selection(guest, told, networks, _names(networks, attached(pod)))
    return chosen if chosen != meta(pod).get("annotations", {}).get(WANTED, "") else None


def functions(guest: Manifest, pod: Manifest) -> str:
    """What a launcher tells of the virtual functions that it has, "" where it has none (downwardapi)."""
    told = attached(pod)
    names = _names(list(guest["spec"].get("networks") or ()), told)
    here = {each.get("interface", ""): each for each in told}
    wanted = sorted(each["name"] for each in interfaces(guest) if "sriov" in each)
    found = [_function(name, here[names[name]]) for name in wanted if names.get(name) in here]
    return json.dumps({"interfaces": found}, separators=(",", ":")) if found else ""


def _function(network: str, told: Manifest) -> Manifest:
    device = {"deviceInfo": told["device-info"]} if told.get("device-info") else {}
    return {"network": network, **device, **({"mac": told["mac"]} if told.get("mac") else {})}


def _selection(
    guest: Manifest, ports: Iterable[Manifest], networks: Iterable[Manifest], names: Mapping[str, str]
) -> str:
    """What Multus is told, "" for nothing (GenerateCNIAnnotationFromNameScheme)."""
    known = named(ports)
    chosen = [_element(guest, each, known, names) for each in networks if is_secondary(each)]
    return json.dumps(chosen, separators=(",", ":")) if chosen else ""


def _element(guest: Manifest, network: Manifest, ports: Mapping[str, Manifest], names: Mapping[str, str]) -> Manifest:
    home, name = place(guest, network)
    mac = ports.get(network["name"], {}).get("macAddress")
    told = {"name": name, "namespace": home}
    return told | ({"mac": mac} if mac else {}) | {"interface": names[network["name"]]}


def place(guest: Manifest, network: Manifest) -> tuple[str, str]:
    """Namespace and name of a network's NetworkAttachmentDefinition."""
    home, _, name = network["multus"]["networkName"].rpartition("/")
    return home or meta(guest)["namespace"], name


def _hashed(networks: Iterable[Manifest]) -> Mapping[str, str]:
    """The interfaces in a Pod, by network."""
    digests = {each["name"]: hashlib.sha256(each["name"].encode()).hexdigest() for each in networks}
    return {name: f"pod{digest[:11]}" for name, digest in digests.items()}


def _names(networks: Sequence[Manifest], shown: Iterable[Manifest]) -> Mapping[str, str]:
    """As ``_hashed``, in a Pod that exists (CreateFromNetworkStatuses)."""
    secondary = [each for each in networks if is_secondary(each)]
    if any(is_ordinal(each.get("interface", "")) for each in shown):
        return {each["name"]: f"net{index}" for index, each in enumerate(secondary, 1)}
    return _hashed(secondary)


def attached(pod: Manifest) -> list[Manifest]:
    """What Multus tells of a Pod."""
    try:
        told = json.loads(meta(pod).get("annotations", {}).get(ATTACHED) or "[]")
    except ValueError:
        return []
    found = told if isinstance(told, list) else []
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("interface", ""), str)]


def shown(guest: Manifest, pod: Manifest) -> list[Manifest]:
    """The interfaces that a guest shows: the Pod's own, those that Multus has attached the Pod to, and what
    virt-handler has found beside them (UpdateVMIStatus)."""
    networks = list(guest["spec"].get("networks") or ())
    known = named(status(guest).get("interfaces"))
    told = attached(pod)
    here = {each.get("interface", "") for each in told}
    primary = next((each for each in networks if not is_secondary(each)), None)
    found = [_primary(primary["name"], known, told)] if primary is not None else []
    names = _names(networks, told)
    for network in networks:
        name = network["name"]
        if is_secondary(network) and (names[name] in here or name in known):
            found.append(_secondary(known.get(name, {"name": name}), names[name], names[name] in here))
    beside = {each["name"] for each in networks}
    return found + [each for each in status(guest).get("interfaces") or () if each.get("name", "") not in beside]


def _primary(name: str, known: Mapping[str, Manifest], told: Iterable[Manifest]) -> Manifest:
    own = next((each["interface"] for each in told if each.get("default") and each.get("interface")), _PRIMARY)
    return {**known.get(name, {"name": name}), "podInterfaceName": own}


def _secondary(port: Manifest, name: str, is_here: bool) -> Manifest:
    sources = [each for each in port.get("infoSource", "").split(", ") if each and (each != MULTUS or is_here)]
    if is_here and MULTUS not in sources:
        sources.append(MULTUS)
    kept = {key: value for key, value in port.items() if key != "infoSource"}
    return kept | ({"infoSource": ", ".join(sources)} if sources else {}) | {"podInterfaceName": name}


def with_migration(guest: Manifest, conditions: Sequence[Manifest], now: float) -> list[Manifest]:
    """The conditions of a guest, by which it says that it must move to a launcher that is attached to more or to less
    (syncMigrationRequiredCondition)."""
    held = condition(guest, MIGRATION)
    if is_migrating(guest, now):
        return list(conditions)
    must = _must_move(guest)
    if not must:
        return without(conditions, MIGRATION)
    if held is not None and held["status"] == "True":
        return list(conditions)
    since = read(held["lastTransitionTime"]) if held is not None else None
    waited = now - since if since is not None else 0.0
    holds = "True" if must == "now" or waited > _PATIENCE else "False"
    return with_condition(conditions, said(MIGRATION, holds, _REASONS[holds], since=stamp(now)))


def _must_move(guest: Manifest) -> str:
    """Whether it must, "now" or "soon", where its launcher is not attached to more by then."""
    ports, known = named(interfaces(guest)), named(status(guest).get("interfaces"))
    for network in guest["spec"].get("networks") or ():
        port = ports.get(network["name"])
        if port is None or not is_secondary(network):
            continue
        told = known.get(network["name"])
        if port.get("state") != "absent" and told is None:
            return "now" if "sriov" in port else "soon"
        if port.get("state") == "absent" and told is not None and _is_only_attached(told):
            return "soon"
    return ""


def _is_only_attached(port: Manifest) -> bool:
    sources = port.get("infoSource", "").split(", ")
    return MULTUS in sources and DOMAIN not in sources
