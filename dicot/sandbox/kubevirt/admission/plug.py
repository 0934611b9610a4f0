"""KubeVirt's webhooks, as the API server's admission."""

from collections.abc import Callable

from dicot.kube.kind import Manifest

from ...apiserver.seams import Reader, Review
from ..settings import NAMESPACE, Settings, settings
from . import exports, flavors, guests, keeping, machines, migrations, requests
from .causes import held, refuse

_GROUPS = (
    "kubevirt.io",
    "instancetype.kubevirt.io",
    "snapshot.kubevirt.io",
    "clone.kubevirt.io",
    "export.kubevirt.io",
)
_FLAVORS = frozenset(
    f"virtualmachine{scope}{kind}s" for scope in ("", "cluster") for kind in ("instancetype", "preference")
)


class KubeVirtAdmission:
    """What virt-api says to writes of KubeVirt's objects. ``new_id`` chooses UUIDs, ``now`` is the moment as objects
    carry it."""

    def __init__(self, reader: Reader, new_id: Callable[[], str], now: Callable[[], str]) -> None:
        self._reader = reader
        self._new_id = new_id
        self._now = now

    def mutate(self, review: Review) -> Manifest | None:
        """See Admission."""
        match _what(review):
            case "virtualmachines":
                return machines.mutate(review, self._settings(), self._reader, self._new_id)
            case "virtualmachineinstances":
                return guests.mutate(review, self._settings(), self._new_id, self._now())
            case "virtualmachineinstancemigrations" if review.operation == "CREATE":
                return migrations.mutate(review)
            case "virtualmachineclones":
                return keeping.copy_target(review, self._new_id)
        return None

    def validate(self, review: Review) -> None:
        """See Admission."""
        if _is_status(review):
            self._validate_status(review.new or {})
            return
        new = review.operation == "CREATE"
        match _what(review):
            case "virtualmachines":
                machines.validate(review, self._settings(), self._reader)
            case "virtualmachineinstances" if new:
                guests.validate_new(review, self._settings())
            case "virtualmachineinstances":
                guests.validate_change(review, self._settings())
            case "virtualmachineinstancemigrations" if new:
                migrations.validate_new(review, self._settings(), self._reader)
            case "virtualmachineinstancemigrations":
                migrations.validate_change(review)
            case "virtualmachinesnapshots":
                keeping.validate_snapshot(review, self._settings())
            case "virtualmachinerestores":
                keeping.validate_restore(review, self._settings(), self._reader)
            case "virtualmachineclones":
                keeping.validate_clone(review, self._settings())
            case "virtualmachineexports":
                exports.validate(review, self._settings())
            case plural if plural in _FLAVORS:
                flavors.validate(review)

    def _validate_status(self, vm: Manifest) -> None:
        if held(vm, "status").get("volumeRequests"):
            refuse(requests.VALIDATOR, requests.check(vm, self._settings(), self._reader))

    def _settings(self) -> Settings:
        return settings(self._reader.get("kubevirt.io", "kubevirts", NAMESPACE, "kubevirt"))


def _is_status(review: Review) -> bool:
    """Whether it is the status of a machine that is written."""
    resource = (review.resource.group, review.resource.plural, review.subresource)
    return resource == ("kubevirt.io", "virtualmachines", "status")


def _what(review: Review) -> str:
    """The resource of KubeVirt that is created or updated, "" for others."""
    group = review.resource.group in _GROUPS
    written = review.operation in ("CREATE", "UPDATE") and not review.subresource
    return review.resource.plural if group and written else ""
