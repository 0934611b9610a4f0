"""What virt-api writes, as data, and how it is written."""

from dataclasses import dataclass

from dicot.kube.address import Place
from dicot.kube.client import Kube
from dicot.kube.errors import Doubtful, Missing, Refused, Unreachable
from dicot.kube.kind import Manifest
from dicot.kube.media import JSON_PATCH

from ...apiserver.refusal import Cause, Refusal
from .refusals import internal


@dataclass(frozen=True, slots=True)
class Edit:
    """A JSON patch. With ``what`` it says of a refusal what could not be done, and passes on what is wrong with an
    object."""

    at: Place
    patch: tuple[Manifest, ...]
    dry: bool
    what: str = ""


@dataclass(frozen=True, slots=True)
class Make:
    """A new object."""

    at: Place
    body: Manifest
    dry: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """A DELETE with a grace period; what is gone already is as good."""

    at: Place
    grace: int


Write = Edit | Make | Drop


def machine(vm: Manifest, subresource: str = "") -> Place:
    """Where a machine is."""
    return Place(
        "kubevirt.io", "v1", "virtualmachines", vm["metadata"]["namespace"], vm["metadata"]["name"], subresource
    )


def instance(vmi: Manifest) -> Place:
    """Where an instance is."""
    metadata = vmi["metadata"]
    return Place("kubevirt.io", "v1", "virtualmachineinstances", metadata["namespace"], metadata["name"])


async def carry_out(kube: Kube, writes: tuple[Write, ...]) -> None:
    """Write one after the other. Raises Refusal: to virt-api every refusal of the API server is an internal error."""
    for write in writes:
        try:
            await _one(kube, write)
        except Refused as refused:
            raise _told(write, refused) from None
        except (Doubtful, Unreachable) as trouble:
            raise internal(str(trouble)) from None


def _told(write: Write, refused: Refused) -> Refusal:
    what = write.what if isinstance(write, Edit) else ""
    if what and refused.reason == "Invalid":
        causes = tuple(Cause("FieldValueInvalid", message, field) for field, message in refused.causes)
        return Refusal(refused.code, refused.reason, refused.message, causes=causes)
    return internal(f"{what}: {refused.message}" if what else refused.message)


async def _one(kube: Kube, write: Write) -> None:
    match write:
        case Edit(at, patch, dry, _):
            await kube.patch(at, list(patch), media=JSON_PATCH, dry=dry)
        case Make(at, body, dry):
            await kube.create(at, body, dry=dry)
        case Drop(at, grace):
            try:
                await kube.delete(at, grace=grace)
            except Missing:
                return
