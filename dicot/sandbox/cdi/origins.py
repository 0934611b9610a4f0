"""Where the content of a claim comes from, as its annotations say it (CDI 1.65.0, pkg/controller/common/util.go)."""

from .kinds.volumes import Http, Registry
from .names import ARCHITECTURE, CHECKSUM, ENDPOINT, EXTRA_HEADERS, PULL_METHOD, SECRET, SOURCE


def http_notes(http: Http) -> dict[str, str]:
    """What a claim says that shall be filled from a URL."""
    said = {SECRET: http.secretRef, CHECKSUM: http.checksum}
    notes = {ENDPOINT: http.url, SOURCE: "http", **{key: value for key, value in said.items() if value}}
    return notes | {f"{EXTRA_HEADERS}.{index}": header for index, header in enumerate(http.extraHeaders)}


def registry_notes(registry: Registry) -> dict[str, str]:
    """What a claim says that shall be filled from a containerDisk."""
    said = {
        ENDPOINT: registry.url,
        PULL_METHOD: registry.pullMethod,
        SECRET: registry.secretRef,
        ARCHITECTURE: registry.platform.architecture if registry.platform is not None else None,
    }
    return {SOURCE: "registry", **{key: value for key, value in said.items() if value}}
