"""Own kinds of ``compute.dicot.io``. Free of Twisted."""

import msgspec

from ..cloud.kinds.condition import Conditions
from ..kube.kind import Kind, Meta, Row
from ..names import SYSTEM_NAMESPACE, digest


class KeypairSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``type`` is ssh or x509; ``fingerprint`` is the MD5 of the key in pairs of hex digits (x509: SHA-1)."""

    formatVersion: int = 1
    name: str = ""
    userId: str = ""
    type: str = "ssh"
    publicKey: str = ""
    fingerprint: str = ""


class Keypair(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Nova keypair: the public half, owned by a user. The private half is never kept."""

    metadata: Meta = Meta()
    spec: KeypairSpec = KeypairSpec()
    status: Conditions = Conditions()


def by_user(row: Row, body: Keypair) -> tuple[str, ...]:
    """By the id of the user whose it is."""
    return (f"{row.namespace}/{body.spec.userId}",)


def keypair_object(user: str, name: str) -> str:
    """The name of a keypair's object: one for each user and name, whatever characters that has."""
    return f"keypair-{digest(user, name)}"


class ActionNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an action on a server: who, when, what came of it.

    Times are RFC 3339; ``finish`` is "" where no end is known. ``error`` is what the client was told, ``host`` the
    node on which the server ran.
    """

    action: str = ""
    user: str = ""
    project: str = ""
    start: str = ""
    finish: str = ""
    error: str = ""
    host: str = ""


class Action(ActionNote, frozen=True, omit_defaults=True):
    """The same with the request that it was."""

    request: str = ""


class UsageNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a server was, and from when to when: since it first ran ("" where it never has) until its deletion."""

    flavor: str = ""
    vcpus: int = 0
    memoryMb: int = 0
    localGb: int = 0
    startedAt: str = ""
    endedAt: str = ""


class ServerLogSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``expires`` is until when it is kept."""

    formatVersion: int = 1
    serverId: str = ""
    name: str = ""
    expires: str = ""
    actions: tuple[Action, ...] = ()
    usage: UsageNote = UsageNote()


class ServerLog(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done to a server that was deleted by way of Nova."""

    metadata: Meta = Meta()
    spec: ServerLogSpec = ServerLogSpec()


KEYPAIR = Kind("compute.dicot.io", "v1", "keypairs", "Keypair", Keypair, by_user, namespace=SYSTEM_NAMESPACE)
SERVER_LOG = Kind("compute.dicot.io", "v1", "serverlogs", "ServerLog", ServerLog)
