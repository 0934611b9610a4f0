"""Admission of VirtualMachineInstanceMigrations (migration-create-mutator.go, migration-*-admitter.go)."""

import copy
from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ...apiserver.seams import Reader, Review
from ..settings import Settings
from . import schema
from .causes import forbidden, held, listed, refuse, required, unsupported, wrong

MUTATOR = "migrations-mutator.kubevirt.io"
CREATED = "migration-create-validator.kubevirt.io"
UPDATED = "migration-update-validator.kubevirt.io"
SELECTOR = "kubevirt.io/vmi-name"
FINALIZER = "kubevirt.io/migrationJobFinalize"
_FINAL = ("Succeeded", "Failed")
_GATE = "feature gate is not enabled in kubevirt resource"


def mutate(review: Review) -> Manifest | None:
    """A new migration, labelled with whom it moves. Raises Refusal."""
    found = _checked(review, MUTATOR)
    if review.operation != "CREATE":
        return None
    migration = copy.deepcopy(found)
    metadata = migration["metadata"]
    metadata.setdefault("labels", {})[SELECTOR] = migration["spec"].get("vmiName", "")
    metadata.setdefault("finalizers", []).append(FINALIZER)
    return migration


def validate_new(review: Review, settings: Settings, reader: Reader) -> None:
    """Raises Refusal for a migration that cannot be."""
    migration = _checked(review, CREATED)
    refuse(CREATED, _named(migration, settings))
    name = migration["spec"]["vmiName"]
    vmi = reader.get("kubevirt.io", "virtualmachineinstances", review.namespace, name)
    if vmi is None:
        raise wrong(CREATED, f'the VMI "{review.namespace}/{name}" does not exist')
    for trouble in _stays(vmi, reader, review.namespace, name):
        raise wrong(CREATED, trouble)
    if migration["spec"].keys() & {"sendTo", "receive"} and "DecentralizedLiveMigration" not in settings.gates:
        refuse(CREATED, (unsupported("", f"DecentralizedLiveMigration {_GATE}"),))


def validate_change(review: Review) -> None:
    """Raises Refusal for changes to what is under way."""
    new, old = _checked(review, UPDATED), review.old or {}
    if new["spec"] != old["spec"]:
        refuse(UPDATED, (unsupported("", "update of Migration object's spec is restricted"),))
    before, after = (held(each, "metadata", "labels").get(SELECTOR) for each in (old, new))
    if before is not None and before != after and held(new, "status").get("phase") not in _FINAL:
        how = "modified on" if held(new, "metadata", "labels") else "removed from"
        refuse(UPDATED, (unsupported("", f"selector label can't be {how} an in-flight migration"),))


def _checked(review: Review, webhook: str) -> Manifest:
    migration = review.new
    assert migration is not None, "a migration is created or updated"
    refuse(webhook, schema.check(migration, review.resource.schema))
    return migration


def _named(migration: Manifest, settings: Settings) -> Iterator[Cause]:
    if not migration["spec"].get("vmiName"):
        yield required("spec.vmiName", "vmiName is missing")
    elif "priority" in migration["spec"]:
        yield from _prior(settings)


def _prior(settings: Settings) -> Iterator[Cause]:
    if "MigrationPriorityQueue" not in settings.gates:
        yield forbidden("spec.migrationPriority", f"MigrationPriorityQueue {_GATE}")


def _stays(vmi: Manifest, reader: Reader, namespace: str, name: str) -> Iterator[str]:
    """Why a guest cannot move now."""
    if held(vmi, "status").get("phase") in _FINAL:
        yield "Cannot migrate VMI in finalized state."
    for condition in listed(vmi, "status", "conditions"):
        if (condition["type"], condition["status"]) == ("LiveMigratable", "False"):
            reason, message = (condition.get(each, "") for each in ("reason", "message"))
            yield f"Cannot migrate VMI, Reason: {reason}, Message: {message}"
    for other in reader.list("kubevirt.io", "virtualmachineinstancemigrations", namespace):
        theirs = held(other, "metadata", "labels").get(SELECTOR) == name
        if theirs and held(other, "status").get("phase") not in _FINAL:
            yield (
                f"in-flight migration detected. Active migration job ({other['metadata']['uid']}) is currently "
                f"already in progress for VMI {other['spec']['vmiName']}."
            )
