"""The version documents of all five services, made of the configured address alone."""

from collections.abc import Iterable, Mapping

from .call import Reply
from .dialects import compute, volume
from .dialects.microversions import written
from .prefixes import PREFIXES

CORE = {"network": "networks", "subnet": "subnets", "port": "ports"}
"""What ``/network/v2.0`` names: Neutron's core resources, as far as they are served."""

_DOCS = {"rel": "describedby", "type": "text/html"}
_IMAGE_VERSIONS = ("2.15", "2.9", "2.17", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0")


def documents(public_url: str, served: Iterable[str], collections: Mapping[str, str] = CORE) -> Mapping[str, Reply]:
    """Path and answer of every version document, and of ``/``."""
    base = public_url.rstrip("/")
    services = sorted(served)
    found = {"/": _services(base, services)}
    if "identity" in services:
        found |= _identity(f"{base}{PREFIXES['identity']}/")
    if "compute" in services:
        found |= _compute(f"{base}{PREFIXES['compute']}/")
    if "image" in services:
        found |= _image(f"{base}{PREFIXES['image']}/")
    if "network" in services:
        found |= _network(f"{base}{PREFIXES['network']}/", collections)
    if "volume" in services:
        found |= _volume(f"{base}{PREFIXES['volume']}/")
    return found


def _services(base: str, services: Iterable[str]) -> Reply:
    entries = [{"type": name, "links": [_self(f"{base}/{name}/")]} for name in services]
    return Reply({"services": entries})


def _self(href: str) -> Mapping[str, str]:
    return {"rel": "self", "href": href}


def _media(service: str, version: str) -> list[Mapping[str, str]]:
    return [{"base": "application/json", "type": f"application/vnd.openstack.{service}{version}"}]


def _identity(url: str) -> Mapping[str, Reply]:
    """keystone/api/discovery.py."""
    version = {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [_self(url)],
        "media-types": _media("identity", "-v3+json"),
    }
    choices = Reply({"versions": {"values": [version]}}, 300, {"Location": url})
    return {"/identity": choices, PREFIXES["identity"]: Reply({"version": version})}


def _compute(url: str) -> Mapping[str, Reply]:
    """nova/api/openstack/compute/versions.py; v2.0 is not named since it is not served."""
    version: Mapping[str, object] = {
        "id": "v2.1",
        "status": "CURRENT",
        "version": written(compute.HIGHEST),
        "min_version": written(compute.LOWEST),
        "updated": "2013-07-23T11:33:21Z",
        "links": [_self(url)],
    }
    links = [_self(url), {**_DOCS, "href": "http://docs.openstack.org/"}]
    detailed = {**version, "links": links, "media-types": _media("compute", "+json;version=2.1")}
    return {"/compute": Reply({"versions": [version]}), PREFIXES["compute"]: Reply({"version": detailed})}


def _image(url: str) -> Mapping[str, Reply]:
    """glance/api/versions.py, without image cache and without several stores."""
    versions = [
        {"id": f"v{name}", "status": "CURRENT" if name == "2.17" else "SUPPORTED", "links": [_self(url)]}
        for name in _IMAGE_VERSIONS
    ]
    return {"/image": Reply({"versions": versions}, 300), "/image/versions": Reply({"versions": versions})}


def _network(url: str, collections: Mapping[str, str]) -> Mapping[str, Reply]:
    """neutron/pecan_wsgi/controllers/root.py; Neutron 29 answers 404 without the slash at the end, we do not."""
    resources = [
        {"name": name, "collection": collection, "links": [_self(url + collection)]}
        for name, collection in collections.items()
    ]
    version = {"id": "v2.0", "status": "CURRENT", "links": [_self(url)]}
    return {"/network": Reply({"versions": [version]}), PREFIXES["network"]: Reply({"resources": resources})}


def _volume(url: str) -> Mapping[str, Reply]:
    """cinder/api/versions.py."""
    version = {
        "id": "v3.0",
        "status": "CURRENT",
        "version": written(volume.HIGHEST),
        "min_version": written(volume.LOWEST),
        "updated": "2023-08-31T00:00:00Z",
        "links": [{**_DOCS, "href": "https://docs.openstack.org/"}, _self(url)],
        "media-types": _media("volume", "+json;version=3"),
    }
    return {"/volume": Reply({"versions": [version]}, 300), PREFIXES["volume"]: Reply({"versions": [version]})}
