"""What CDI's API server refuses of DataVolumes (CDI 1.65.0, pkg/apiserver/webhooks/datavolume-validate.go).

Pure: a cause, the first that is found, or None. Specs are as their schema leaves them.
"""

from collections.abc import Iterator, Mapping
from string import hexdigits
from urllib.parse import urlsplit

from dicot.kube.kind import Manifest

from ...kube.quantity import amount
from ..apiserver.refusal import Cause
from .sizes import SMALLEST
from .storage import ARCHIVE, KUBEVIRT

INVALID, DUPLICATE = "FieldValueInvalid", "FieldValueDuplicate"
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_LONGEST = 253
_DIGITS: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}


def invalid(message: str, field: str) -> Cause:
    """A cause of the ordinary kind."""
    return Cause(INVALID, message, field)


def name(text: str) -> Cause | None:
    """A name that is too long."""
    return invalid(f"Name cannot be longer than {_LONGEST} characters", "") if len(text) > _LONGEST else None


def spec(asked: Manifest) -> tuple[Cause, ...]:
    """The causes for which a spec is refused."""
    first = next(_storage(asked), None)
    if first is not None:
        return (first,)
    storage = asked.get("pvc") or asked.get("storage") or {}
    if storage.get("dataSource") is not None or storage.get("dataSourceRef") is not None:
        return tuple(_elsewhere(asked, storage))
    found = next(_origin(asked), None)
    return (found,) if found is not None else ()


def _storage(asked: Manifest) -> Iterator[Cause]:
    pvc, storage = asked.get("pvc"), asked.get("storage")
    if pvc is None and storage is None:
        yield invalid("Missing Data volume PVC", "spec.PVC")
    elif pvc is not None and storage is not None:
        text = "Duplicate storage definition, both target storage and target pvc defined"
        yield invalid(text, "spec.PVC.Storage")
    else:
        yield from _size(asked)
        class_name = (pvc or storage or {}).get("storageClassName") or ""
        wrong = name(class_name)
        if wrong is not None:
            yield wrong
        yield from _access(pvc, storage)


def _size(asked: Manifest) -> Iterator[Cause]:
    word = "PVC" if asked.get("pvc") is not None else "Storage"
    field = f"spec.{word}.resources.requests.size"
    size = (asked.get("pvc") or asked.get("storage") or {}).get("resources", {}).get("requests", {}).get("storage")
    source = asked.get("source") or {}
    clones = asked.get("sourceRef") is not None or "pvc" in source or "snapshot" in source
    if size is None:
        if word == "PVC" or not clones:
            yield invalid(f"{word} size is missing", field)
    elif amount(size) <= 0:
        yield invalid(f"{word} size can't be equal or less than zero", field)
    elif amount(size) < SMALLEST:
        yield invalid(f"{word} size should be at least 1MiB", field)


def _access(pvc: Manifest | None, storage: Manifest | None) -> Iterator[Cause]:
    modes = (pvc if pvc is not None else storage or {}).get("accessModes") or []
    field = "spec.PVC.accessModes"
    if pvc is not None and not modes:
        yield invalid("Required value: at least 1 access mode is required", field)
    if pvc is not None and len(modes) > 1:
        yield invalid("PVC multiple accessModes", field)
    if any(mode not in _MODES for mode in modes):
        supported = ", ".join(f'"{mode}"' for mode in _MODES)
        yield invalid(f'Unsupported value: "{modes[0]}": supported values: {supported}', field)


def _elsewhere(asked: Manifest, storage: Manifest) -> Iterator[Cause]:
    """What a volume that somebody else fills must not say, and must."""
    if asked.get("source") is not None or asked.get("sourceRef") is not None:
        yield invalid("External population is incompatible with Source and SourceRef", "spec.source")
    for key, word in (("dataSource", "DataSource"), ("dataSourceRef", "DataSourceRef")):
        reference = storage.get(key)
        if reference is None:
            continue
        if reference.get("namespace"):
            yield invalid("Invalid value: DataSourceRef namespace not supported", f"spec.{key}.namespace[]")
        if not reference.get("name"):
            yield invalid(f"Required value: {word} name", f"spec.{key}.name[]")
        if not reference.get("kind"):
            yield invalid(f"Required value: {word} kind", f"spec.{key}.kind")
        if not reference.get("apiGroup") and reference.get("kind") != "PersistentVolumeClaim":
            text = f"Required value: {word} apiGroup when kind is not 'PersistentVolumeClaim'"
            yield invalid(text, f"spec.{key}.apiGroup[]")


def _origin(asked: Manifest) -> Iterator[Cause]:
    source, reference = asked.get("source"), asked.get("sourceRef")
    if (source is None) == (reference is None):
        text = "Data volume should have either Source or SourceRef, or be externally populated"
        yield invalid(text, "spec.source")
    elif reference is not None:
        yield from _reference(reference)
    elif source is not None:
        yield from _source(source, asked.get("contentType") or "")


def _reference(reference: Manifest) -> Iterator[Cause]:
    kind = reference.get("kind")
    if not kind:
        yield invalid("Missing sourceRef kind", "spec.sourceRef.Kind")
    elif kind != "DataSource":
        text = f"Unsupported sourceRef kind {kind}, currently only DataSource is supported"
        yield invalid(text, "spec.sourceRef.Kind")
    elif not reference.get("name"):
        yield invalid("Missing sourceRef name", "spec.sourceRef.Name")


def _source(source: Manifest, content: str) -> Iterator[Cause]:
    if not source:
        yield invalid("Missing Data volume source", "spec.source")
    if len(source) > 1:
        yield invalid("Multiple Data volume sources", "spec.source")
    if content not in ("", KUBEVIRT, ARCHIVE):
        yield invalid(f"ContentType not one of: {KUBEVIRT}, {ARCHIVE}", "spec.contentType")
    if "http" in source:
        yield from _http(source["http"])
    if "blank" in source and content == ARCHIVE:
        yield invalid("SourceType cannot be blank and the contentType be archive", "spec.contentType")
    if "registry" in source:
        yield from _registry(source["registry"], content)
    for key, word in (("pvc", "PVC"), ("snapshot", "snapshot")):
        named = source.get(key)
        if named is not None and not (named.get("namespace") and named.get("name")):
            field = f"spec.source.{'PVC' if key == 'pvc' else 'Snapshot'}"
            yield invalid(f"{field} source {word} is not valid", field)


def _http(http: Manifest) -> Iterator[Cause]:
    wrong = _url(http.get("url") or "")
    if wrong:
        yield invalid(f"spec.source {wrong}", "spec.source.HTTP.url")
    if http.get("checksum"):
        wrong = _checksum(http["checksum"])
        if wrong:
            yield invalid(f"Invalid checksum format: {wrong}", "spec.source.HTTP.checksum")


def _url(text: str) -> str:
    if not text:
        return "source URL is empty"
    try:
        scheme, rooted = urlsplit(text).scheme, text.startswith("/")
    except ValueError:
        return f"Invalid source URL: {text}"
    if not scheme and not rooted:
        return f"Invalid source URL: {text}"
    return "" if scheme in ("http", "https", "gs") else f"Invalid source URL scheme: {text}"


def _checksum(text: str) -> str:
    algorithm, colon, digest = text.partition(":")
    if not colon:
        return f"invalid checksum format: expected 'algorithm:hash', got '{text}'"
    algorithm, digest = algorithm.strip().lower(), digest.strip().lower()
    if not digest:
        return "checksum hash value cannot be empty"
    length = _DIGITS.get(algorithm)
    if length is None:
        return f"unsupported hash algorithm '{algorithm}': supported algorithms are: md5, sha1, sha256, sha512"
    if len(digest) != length:
        return f"invalid {algorithm} hash length: expected {length} hex characters, got {len(digest)}"
    strange = next((letter for letter in digest if letter not in hexdigits), "")
    if not strange:
        return ""
    text = f"encoding/hex: invalid byte: U+{ord(strange):04X} '{strange}'"
    return f"checksum hash is not valid hexadecimal: {text}"


def _registry(registry: Manifest, content: str) -> Iterator[Cause]:
    field = "spec.source.Registry"
    if content not in ("", KUBEVIRT):
        yield invalid(f"ContentType must be {KUBEVIRT} when Source is Registry", "spec.contentType")
    url, stream, method = registry.get("url"), registry.get("imageStream"), registry.get("pullMethod")
    if (url is None) == (stream is None):
        yield invalid("Source registry should have either URL or ImageStream", field)
    if url is not None and urlsplit(url).scheme not in ("docker", "oci-archive"):
        yield invalid(f"Illegal registry source URL scheme {url}", f"{field}.URL")
    if method is not None and method not in ("pod", "node"):
        yield invalid(f'ImportMethod {method} is neither pod, node or ""', f"{field}.importMethod")
    if stream == "":
        yield invalid("Source registry ImageStream is not valid", f"{field}.importMethod")
    if stream is not None and method != "node":
        text = "Source registry ImageStream is supported only with node pull import method"
        yield invalid(text, f"{field}.importMethod")
