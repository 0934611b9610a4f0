"""CDI's webhooks, as the API server's admission (CDI 1.65.0, pkg/apiserver/webhooks)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ..apiserver.asked import Attributes, User
from ..apiserver.refusal import Cause, Refusal
from ..apiserver.seams import Authorizer, Reader, Review
from . import validation
from .names import CLONE_TOKEN, GROUP, POPULATED_FOR, PRE_POPULATED, STATIC_VOLUME, USE_POPULATOR, VERSION
from .storage import ARCHIVE
from .tokens import API_SERVER, CLAIMS, SNAPSHOTS, Grant, Tokens
from .transfers import admission as transfers

_MUTATE, _VALIDATE = f"datavolume-mutate.{GROUP}", f"datavolume-validate.{GROUP}"
_CRON = f"dataimportcrons.{GROUP}"
_TRANSFER = f"objecttransfer-validate.{GROUP}"
_SOURCES = ("s3", "gcs", "imageio", "vddk")
_ADOPTS = f"{GROUP}/allowClaimAdoption"
"""What virt-controller notes on every volume that it makes; it matters where the claim is there already."""
_NOTES: Mapping[str, str] = {
    STATIC_VOLUME: "",
    USE_POPULATOR: "true",
}
"""Annotations of volumes that are not simulated, with what they say then ("": anything)."""


@dataclass(frozen=True, slots=True)
class _Cloned:
    """The claim or snapshot that a volume is made from."""

    namespace: str
    name: str
    resource: str


class CdiAdmission:
    """What CDI's API server says to writes of DataVolumes; ``seconds`` is the time since 1970."""

    def __init__(self, reader: Reader, authorizer: Authorizer, tokens: Tokens, seconds: Callable[[], float]) -> None:
        self._reader = reader
        self._authorizer = authorizer
        self._tokens = tokens
        self._seconds = seconds

    def mutate(self, review: Review) -> Manifest | None:
        """See Admission: whoever may clone what a new volume names gets a token that says so."""
        new = review.new
        if not _is_volume(review) or new is None or new["metadata"].get("deletionTimestamp"):
            return None
        cloned = self._cloned(new, review.namespace)
        if cloned is None or PRE_POPULATED in (new["metadata"].get("annotations") or {}):
            # Nothing is cloned into a claim that is filled already.
            return None
        if self._reader.get("", "namespaces", "", cloned.namespace) is None:
            raise _error(_MUTATE, f'namespaces "{cloned.namespace}" not found')
        if not self._may_clone(review.user, cloned, review.namespace):
            text = f"User {review.user.name} has insufficient permissions in clone source namespace"
            cause = validation.invalid(f"{text} {cloned.namespace}", "spec.source.PVC.namespace")
            raise _rejected(_MUTATE, (cause,))
        if review.operation != "CREATE":
            return None
        grant = Grant(cloned.namespace, cloned.name, review.namespace, review.name, resource=cloned.resource)
        token = self._tokens.grant(grant, API_SERVER, self._seconds())
        notes = {**(new["metadata"].get("annotations") or {}), CLONE_TOKEN: token}
        return {**new, "metadata": {**new["metadata"], "annotations": notes}}

    def validate(self, review: Review) -> None:
        """See Admission."""
        if review.resource.name == _CRON and review.operation == "CREATE" and not review.subresource:
            raise Refusal(501, "NotImplemented", "DataImportCrons are not part of the sandbox")
        new = review.new
        if review.resource.name == f"objecttransfers.{GROUP}" and new is not None and not review.subresource:
            said = transfers.wrong(self._reader, new, review.old)
            if said:
                raise _error(_TRANSFER, said)
        if not _is_volume(review) or new is None:
            return
        if review.old is not None and review.old.get("spec") != new.get("spec"):
            text = "Cannot update DataVolume Spec"
            raise _rejected(_VALIDATE, (Cause(validation.DUPLICATE, text, "DataVolume.Spec"),))
        long = validation.name(review.name)
        if long is not None:
            raise _rejected(_VALIDATE, (long,))
        if review.operation == "CREATE":
            self._check_claim(review)
        causes = validation.spec(new.get("spec") or {})
        if causes:
            raise _rejected(_VALIDATE, causes)
        if review.operation == "CREATE":
            for what in (*_beyond(new), *self._unsized(new, review.namespace)):
                raise Refusal(501, "NotImplemented", f"DataVolumes with {what} are not part of the sandbox")

    def _cloned(self, new: Manifest, namespace: str) -> _Cloned | None:
        """The claim or snapshot that a volume names, by itself or through a DataSource."""
        asked = new.get("spec") or {}
        reference = asked.get("sourceRef") or {}
        source = asked.get("source") or {}
        if asked.get("source") is None and reference.get("kind") == "DataSource":
            at, name = reference.get("namespace") or namespace, reference.get("name", "")
            if not name:
                raise _error(_MUTATE, "resource name may not be empty")
            found = self._reader.get(GROUP, "datasources", at, name)
            if found is None:
                raise _error(_MUTATE, f'datasources.{GROUP} "{name}" not found')
            source = found["spec"].get("source") or {}
            if source.get("dataSource") is not None:
                source = (found.get("status") or {}).get("source") or {}
        for key, resource in (("pvc", CLAIMS), ("snapshot", SNAPSHOTS)):
            if source.get(key) is not None:
                return _Cloned(source[key].get("namespace") or namespace, source[key].get("name", ""), resource)
        return None

    def _unsized(self, new: Manifest, namespace: str) -> Iterator[str]:
        """A clone of a claim whose size would have to be measured."""
        storage = new["spec"].get("storage") or new["spec"].get("pvc") or {}
        cloned = self._cloned(new, namespace)
        sized = "storage" in storage.get("resources", {}).get("requests", {})
        if cloned is not None and cloned.resource == CLAIMS and not sized:
            yield "no size"

    def _may_clone(self, user: User, cloned: _Cloned, namespace: str) -> bool:
        """By the right to clone, or by that to make Pods, which could read it. For a snapshot claims must be made
        as well, which CDI asks for by a name that nothing has."""
        if cloned.namespace == namespace:
            return True

        def may(group: str, version: str, resource: str, subresource: str = "") -> bool:
            asked = Attributes("create", group, version, resource, subresource, cloned.namespace, cloned.name)
            return self._authorizer.authorize(user, asked).allowed

        if may(GROUP, VERSION, "datavolumes", "source"):
            return True
        return may("", "v1", "pods") and (cloned.resource == CLAIMS or may("", "v1", "pvcs"))

    def _check_claim(self, review: Review) -> None:
        """A volume takes no claim that is there already, but one that was left for it or belongs to a volume."""
        claim = self._reader.get("", "persistentvolumeclaims", review.namespace, review.name)
        if claim is None or review.new is None:
            return
        meta = claim["metadata"]
        notes: Mapping[str, str] = meta.get("annotations") or {}
        owners: Sequence[Manifest] = meta.get("ownerReferences") or ()
        owned = any(owner.get("controller") and owner["kind"] == "DataVolume" for owner in owners)
        if owned or notes.get(POPULATED_FOR) == review.name:
            return
        if (review.new["metadata"].get("annotations") or {}).get(_ADOPTS) == "true":
            raise Refusal(501, "NotImplemented", "DataVolumes that adopt a claim are not part of the sandbox")
        text = f"Destination PVC {review.namespace}/{review.name} already exists"
        raise _rejected(_VALIDATE, (Cause(validation.DUPLICATE, text, "DataVolume.Name"),))


def _is_volume(review: Review) -> bool:
    written = review.operation in ("CREATE", "UPDATE") and not review.subresource
    return written and review.resource.name == f"datavolumes.{GROUP}"


def _beyond(new: Manifest) -> Iterator[str]:
    """What CDI can do and is not simulated."""
    asked = new["spec"]
    source = asked.get("source") or {}
    yield from (f"source.{key}" for key in _SOURCES if key in source)
    if "upload" in source and asked.get("contentType") == ARCHIVE:
        yield "uploads of archives"
    registry = source.get("registry") or {}
    if registry.get("pullMethod") == "node":
        yield "pullMethod node"
    for key in ("certConfigMap", "secretExtraHeaders"):
        if registry.get(key) or (source.get("http") or {}).get(key):
            yield key
    if asked.get("checkpoints"):
        yield "checkpoints"
    storage = asked.get("storage") or asked.get("pvc") or {}
    yield from (key for key in ("dataSource", "dataSourceRef") if storage.get(key) is not None)
    notes = new["metadata"].get("annotations") or {}
    yield from (
        f"the annotation {key}" for key, value in _NOTES.items() if key in notes and value in ("", notes[key])
    )


def _rejected(webhook: str, causes: Sequence[Cause]) -> Refusal:
    """As the API server says what a webhook refuses for causes. (A blank stands before each.)"""
    said = "".join(f" {cause.message}" for cause in causes)
    return Refusal(422, "", f'admission webhook "{webhook}" denied the request: {said}', causes=tuple(causes))


def _error(webhook: str, message: str) -> Refusal:
    return Refusal(400, "", f'admission webhook "{webhook}" denied the request: {message}')
