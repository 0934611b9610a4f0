"""Networks and interfaces of a guest (pkg/network/admitter)."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import words
from .causes import duplicate, held, invalid, listed, required, unsupported

RESERVED = "02:00:00:00:00:00"
"""The address of the bridge within a Pod."""
METHODS = ("bridge", "masquerade", "sriov", "passtBinding")
PCI = re.compile(r"[\da-fA-F]{4}:[\da-fA-F]{2}:[\da-fA-F]{2}\.[0-7]\Z")
_GONE = (
    ("slirp", "Slirp interface support"),
    ("passt", "Passt network binding"),
    ("macvtap", "Macvtap network binding"),
)
_STATES = ("absent", "down", "up")
_MODELS = frozenset({"", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio"})
_NAME = re.compile(r"[A-Za-z0-9-_]+\Z")
_MAC = re.compile(
    r"(?:[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2})*)|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+)\Z"
)
_MAC_SIZES = (6, 8, 20)


def check(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Everything about networks and interfaces."""
    networks, interfaces = listed(spec, "networks"), listed(spec, "domain", "devices", "interfaces")
    by_name = {each.get("name", ""): each for each in networks}
    yield from _single(at, networks)
    for index, network in enumerate(networks):
        if ("pod" in network) == ("multus" in network):
            many = "should have only one network type" if "pod" in network else "should have a network type"
            yield required(f"{at}.networks[{index}]", many)
    yield from _definition(at, networks)
    for index, interface in enumerate(interfaces):
        yield from _state(_interface(at, index), interface, networks)
    for index, interface in enumerate(interfaces):
        network = by_name.get(interface.get("name", ""), {})
        yield from _binding(_interface(at, index), interface, network, settings)
    yield from _pairs(at, networks, interfaces)
    for index, interface in enumerate(interfaces):
        yield from _fields(at, _interface(at, index), interface, by_name.get(interface.get("name", ""), {}))


def gone(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Bindings that no new guest may have."""
    for index, interface in enumerate(listed(spec, "domain", "devices", "interfaces")):
        for key, what in _GONE:
            if key in interface:
                yield invalid(f"{_interface(at, index)}.{key}", f"{what} has been discontinued since v1.3")


def pod_network(spec: Manifest) -> Manifest | None:
    """The network that is the Pod's own."""
    return next((each for each in listed(spec, "networks") if "pod" in each), None)


def _interface(at: str, index: int) -> str:
    return f"{at}.domain.devices.interfaces[{index}]"


def _single(at: str, networks: list[Manifest]) -> Iterator[Cause]:
    pods = sum("pod" in each for each in networks)
    defaults = sum(bool(held(each, "multus").get("default")) for each in networks)
    if pods > 1:
        message = f"more than one interface is connected to a pod network in {at}.interfaces"
        yield duplicate(f"{at}.interfaces", message)
    if defaults > 1:
        yield invalid(f"{at}.networks", "Multus CNI should only have one default network")
    if pods and defaults:
        yield invalid(f"{at}.networks", "Pod network cannot be defined when Multus default network is defined")


def _definition(at: str, networks: list[Manifest]) -> Iterator[Cause]:
    for index, network in enumerate(networks):
        if "multus" in network and not network["multus"].get("networkName"):
            yield required(f"{at}.networks[{index}]", "CNI delegating plugin must have a networkName")
            return


def _state(field: str, interface: Manifest, networks: list[Manifest]) -> Iterator[Cause]:
    name, state = interface.get("name", ""), interface.get("state", "")
    if state and state not in _STATES:
        message = f"logical {name} interface state value is unsupported: {state}"
        yield invalid(f"{field}.state", message)
    said = f'"{name}" interface\'s state "{state}"'
    if "sriov" in interface and state in ("up", "down"):
        yield invalid(f"{field}.state", f"{said} is not supported for SR-IOV NICs")
    if state != "absent":
        return
    if "bridge" not in interface:
        yield invalid(f"{field}.state", f"{said} is supported only for bridge binding")
    if name in [each.get("name") for each in networks if "pod" in each or held(each, "multus").get("default")][:1]:
        yield invalid(f"{field}.state", f"{said} is not supported on default networks")


def _binding(field: str, interface: Manifest, network: Manifest, settings: Settings) -> Iterator[Cause]:
    name = interface.get("name", "")
    if "binding" in interface and any(method in interface for method in METHODS):
        message = f"logical {name} interface cannot have both binding plugin and interface binding method"
        yield invalid(f"{field}.binding", message)
    if "masquerade" in interface:
        if "pod" not in network:
            yield invalid(f"{field}.name", "Masquerade interface only implemented with pod network")
        if interface.get("macAddress") == RESERVED:
            message = "The requested MAC address is reserved for the in-pod bridge. Please choose another one."
            yield invalid(f"{field}.macAddress", message)
    if "bridge" in interface and "pod" in network and not settings.bridged:
        yield invalid(f"{field}.name", "Bridge on pod network configuration is not enabled under kubevirt-config")
    if "passtBinding" in interface:
        if "PasstBinding" not in settings.gates:
            yield invalid(f"{field}.name", "PasstBinding feature gate is not enabled")
        if "pod" not in network:
            yield invalid(f"{field}.name", "PasstBinding interface only implemented with pod network")


def _pairs(at: str, networks: list[Manifest], interfaces: list[Manifest]) -> Iterator[Cause]:
    """Each network has its interface and the other way round, and no two the same name."""
    names, ports = ([each.get("name", "") for each in them] for them in (networks, interfaces))
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f'Network with name "{name}" already exists, every network must have a unique name'
            yield duplicate(f"{at}.networks[{index}].name", message)
    for index, name in enumerate(names):
        if name not in ports:
            field = f"{at}.networks[{index}].name"
            yield required(field, f"{field} '{name}' not found.")
    for index, name in enumerate(ports):
        if name in ports[:index]:
            message = "Only one interface can be connected to one specific network"
            yield duplicate(f"{_interface(at, index)}.name", message)
    for index, name in enumerate(ports):
        if name not in names:
            field = f"{_interface(at, index)}.name"
            yield invalid(field, f"{field} '{name}' not found.")


def _fields(at: str, field: str, interface: Manifest, network: Manifest) -> Iterator[Cause]:
    model, address = interface.get("model", ""), interface.get("pciAddress", "")
    if not _NAME.match(interface.get("name", "")):
        only = (
            "Network interface name can only contain alphabetical characters, numbers, dashes (-) or underscores (_)"
        )
        yield invalid(f"{field}.name", only)
    if model not in _MODELS:
        yield unsupported(f"{field}.model", f"interface {field}.name uses model {model} that is not supported.")
    trouble = _mac_trouble(interface.get("macAddress", ""))
    if trouble:
        yield invalid(f"{field}.macAddress", f"interface {field}.name has {trouble}.")
    if address and not PCI.match(address):
        yield invalid(f"{field}.pciAddress", f"interface {field}.name has malformed PCI address ({address}).")
    if "pod" in network:
        yield from _ports(field, listed(interface, "ports"))
    yield from _dhcp(at, field, held(interface, "dhcpOptions"))


def _mac_trouble(mac: str) -> str:
    if not mac:
        return ""
    size = len(re.sub(r"[:.-]", "", mac)) // 2
    if not _MAC.match(mac) or size not in _MAC_SIZES:
        return f"malformed MAC address ({mac})"
    return f"too long MAC address ({mac})" if size > 6 else ""


def _ports(field: str, ports: list[Manifest]) -> Iterator[Cause]:
    names = [each.get("name", "") for each in ports]
    for index, name in enumerate(names):
        if name and name in names[:index]:
            yield duplicate(f"{field}.ports[{index}].name", f"Duplicate name of the port: {name}")
        if name and not words.is_port(name):
            yield invalid(f"{field}.ports[{index}].name", f"Invalid name of the port: {name}")
    for index, port in enumerate(ports):
        here, number = f"{field}.ports[{index}]", port.get("port", 0)
        if number == 0:
            yield required(here, "Port field is mandatory.")
        if not 0 <= number <= 65536:
            yield invalid(here, "Port field must be in range 0 < x < 65536.")
        if port.get("protocol", "") not in ("", "TCP", "UDP"):
            yield invalid(f"{here}.protocol", "Unknown protocol, only TCP or UDP allowed")


def _dhcp(at: str, field: str, options: Manifest) -> Iterator[Cause]:
    numbers = [each.get("option", 0) for each in listed(options, "privateOptions")]
    if len(set(numbers)) < len(numbers):
        yield invalid(at, "Found Duplicates: you have provided duplicate DHCPPrivateOptions")
    for number in numbers:
        if not 224 <= number <= 254:
            yield invalid(at, "provided DHCPPrivateOptions are out of range, must be in range 224 to 254")
    for index, server in enumerate(options.get("ntpServers") or ()):
        try:
            IPv4Address(server)
        except ValueError:
            message = "NTP servers must be a list of valid IPv4 addresses."
            yield invalid(f"{field}.dhcpOptions.ntpServers[{index}]", message)
