"""What a guest has in common with a Pod: names, probes, DNS, labels (vmi-create-admitter.go)."""

from collections.abc import Iterator
from ipaddress import ip_address

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import words
from .causes import held, invalid, listed, required, unsupported
from .networks import pod_network

PROBES = ("readinessProbe", "livenessProbe")
RESERVED_LABELS = frozenset(
    f"kubevirt.io/{each}"
    for each in (
        "created-by",
        "migrationJobUID",
        "nodeName",
        "migrationTargetNodeName",
        "schedulable",
        "install-strategy",
    )
)
_HANDLERS = ("httpGet", "tcpSocket", "exec", "guestAgentPing")
_EVICTIONS = ("LiveMigrate", "LiveMigrateIfPossible", "None", "External")
_IGNITION = "kubevirt.io/ignitiondata"
_SIDECARS = "hooks.kubevirt.io/hookSidecars"
_NAMESERVERS, _SEARCHES, _SEARCH_LENGTH = 3, 6, 256


def hostname(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """A DNS label."""
    trouble = ", ".join(words.label(spec["hostname"])) if spec.get("hostname") else ""
    if trouble:
        message = f"{at}.hostname does not conform to the kubernetes DNS_LABEL rules : {trouble}"
        yield invalid(f"{at}.hostname", message)


def subdomain(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """A DNS subdomain."""
    trouble = ", ".join(words.subdomain(spec["subdomain"])) if spec.get("subdomain") else ""
    if trouble:
        message = f"{at}.subdomain does not conform to the kubernetes DNS_SUBDOMAIN rules : {trouble}"
        yield invalid(f"{at}.subdomain", message)


def start(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Whether a guest starts paused."""
    strategy, field = spec.get("startStrategy"), f"{at}.startStrategy"
    if strategy is None:
        return
    if strategy != "Paused":
        yield invalid(field, f"{field} is set with an unrecognized option: {strategy}")
    elif "livenessProbe" in spec:
        message = f"either {field} or {at}.livenessProbe should be provided."
        yield invalid(field, message + "Pausing VMI with LivenessProbe is not supported")


def probes(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """How it is asked whether it lives."""
    given = [(f"{at}.{each}", spec[each]) for each in PROBES if spec.get(each) is not None]
    for field, probe in given:
        count = sum(each in probe for each in _HANDLERS)
        if count > 1:
            yield invalid(field, f"{field} must have exactly one probe type set")
        if count < 1:
            ways = f"either {field}.tcpSocket, {field}.exec or {field}.httpGet"
            yield required(field, f"{ways} must be set if a {field} is specified")
    if pod_network(spec) is None:
        for field, probe in given:
            for way in ("httpGet", "tcpSocket"):
                if way in probe:
                    message = f"{field}.{way} is only allowed if the Pod Network is attached"
                    yield invalid(f"{field}.{way}", message)


def dns(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """How it finds names."""
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield required(f"{at}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            yield required("nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            return
    if config is not None:
        yield from _dns_config(config)


def _dns_config(config: Manifest) -> Iterator[Cause]:
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > _NAMESERVERS:
        shown = " ".join(servers)
        yield invalid("nameservers", f"must not have more than {_NAMESERVERS} nameservers: [{shown}]")
    for server in servers:
        try:
            ip_address(server)
        except ValueError:
            yield invalid("nameservers", f"must be valid IP address: {server}")
    if len(searches) > _SEARCHES:
        yield invalid("searchDomains", f"must not have more than {_SEARCHES} search paths")
    if len(" ".join(searches)) > _SEARCH_LENGTH:
        message = f"must not have more than {_SEARCH_LENGTH} characters (including spaces) in the search list"
        yield invalid("searchDomains", message)
    for search in searches:
        yield from (invalid("searchDomains", each) for each in words.subdomain(search))
    for option in listed(config, "options"):
        if not option.get("name"):
            yield invalid("options", "Option.Name must not be empty")


def eviction(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """What becomes of it when its node is drained."""
    strategy = spec.get("evictionStrategy", settings.eviction)
    if strategy not in _EVICTIONS:
        field = f"{at}.evictionStrategy"
        yield invalid(field, f"{field} is set with an unrecognized option: {strategy}")


def metadata(at: str, found: Manifest, settings: Settings, ours: bool) -> Iterator[Cause]:
    """Labels and annotations; ``ours``: a program of KubeVirt's writes them."""
    annotations = held(found, "annotations")
    if not ours and RESERVED_LABELS & held(found, "labels").keys():
        message = "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
        yield unsupported(f"{at}.labels", message)
    gates = (
        ("ExperimentalIgnitionSupport", "ExperimentalIgnitionSupport", _IGNITION),
        ("Sidecar", "sidecar", _SIDECARS),
    )
    for gate, called, annotation in gates:
        if annotations.get(annotation) and gate not in settings.gates:
            entry = f"{at}.annotations.{annotation}"
            message = f"{called} feature gate is not enabled in kubevirt-config, invalid entry {entry}"
            yield invalid(f"{at}.annotations", message)
