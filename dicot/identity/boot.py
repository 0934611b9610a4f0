"""The first start on a cluster: roles, the default domain, and one administrator."""

import base64
from collections.abc import Callable

import msgspec

from ..cloud.kinds.identity import DOMAIN
from ..cloud.kinds.storage import SECRET
from ..faults import Fault, Unavailable
from ..kube.address import place
from ..kube.client import Kube
from ..kube.errors import Exists, Missing
from ..kube.kind import Manifest
from ..names import SYSTEM_NAMESPACE
from .founding import DEFAULT_DOMAIN, Founding

ROLES = ("admin", "manager", "member", "reader", "service")
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
ADMIN = "admin"


class _Secret(msgspec.Struct, frozen=True):
    data: dict[str, str] = {}


async def first_boot(founding: Founding, kube: Kube, secret: str, random: Callable[[int], bytes]) -> bool:
    """Founds identity where that was never done; whether it was done now. Any number of replicas may try at once.

    The default domain comes last, and by it is seen that all is done: without it nobody can log in, and what an
    administrator removes later stays removed. ``secret`` names the Secret of the administrator's password; it is read
    where the operator made it, and made otherwise. Raises errors of kube and Faults; then it is to be tried again.
    """
    if await founding.exists(DOMAIN, DEFAULT_DOMAIN):
        return False
    roles = {name: await founding.role(name) for name in ROLES}
    for prior, implied in IMPLIED:
        await founding.imply(roles[prior], roles[implied])
    user = await founding.user(ADMIN, await admin_password(kube, secret, random))
    project = await founding.project(ADMIN)
    await founding.assign(user, roles[ADMIN], project=project)
    await founding.assign(user, roles[ADMIN], system="all")
    await founding.default_domain()
    return True


async def admin_password(kube: Kube, secret: str, random: Callable[[int], bytes]) -> str:
    """The password in the Secret, key ``password``. There is no default: an empty one is refused."""
    at = place(SECRET, SYSTEM_NAMESPACE, secret)
    try:
        answer = await kube.read(at)
    except Missing:
        try:
            answer = await kube.create(place(SECRET, SYSTEM_NAMESPACE), _generated(secret, random))
        except Exists:
            answer = await kube.read(at)
    found = msgspec.json.decode(answer, type=_Secret).data.get("password", "")
    password = base64.b64decode(found).decode("utf-8", "replace").rstrip("\r\n")
    if not password:
        raise _no_password(secret)
    return password


def _generated(name: str, random: Callable[[int], bytes]) -> Manifest:
    password = base64.urlsafe_b64encode(random(24))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
        "type": "Opaque",
        "data": {
            "username": base64.b64encode(ADMIN.encode()).decode(),
            "password": base64.b64encode(password).decode(),
        },
    }


def _no_password(name: str) -> Fault:
    return Unavailable(f"Secret {SYSTEM_NAMESPACE}/{name} has no key password, or an empty one.")
