"""How virt-api refuses (apimachinery, pkg/api/errors, with its own names of resources)."""

from ...apiserver.refusal import Cause, Refusal

GROUP = "kubevirt.io"
MACHINE = "virtualmachine"
INSTANCE = "virtualmachineinstance"
NOT_RUNNING = "VM is not running"
GUEST_NOT_RUNNING = "VMI is not running"


def missing(kind: str, name: str) -> Refusal:
    """There is no such object."""
    return Refusal(404, "NotFound", f'{kind}.{GROUP} "{name}" not found', GROUP, kind, name)


def conflict(kind: str, name: str, why: str) -> Refusal:
    """Its state does not allow it."""
    message = f'Operation cannot be fulfilled on {kind}.{GROUP} "{name}": {why}'
    return Refusal(409, "Conflict", message, GROUP, kind, name)


def bad(message: str) -> Refusal:
    """The request is wrong."""
    return Refusal(400, "BadRequest", message)


def internal(why: str) -> Refusal:
    """Something that virt-api asked for failed."""
    return Refusal(500, "InternalError", f"Internal error occurred: {why}", causes=(Cause("", why),))


def unserved(what: str) -> Refusal:
    """What nobody uses yet."""
    return Refusal(501, "NotImplemented", f"{what} not part of the sandbox")
