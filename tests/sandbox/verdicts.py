"""What clients were answered of the things that they wrote, held against what there is in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.control import Control, Document
from tests.live.estate import survey
from tests.live.wire import Person

from .troubles import ENDS, SAID, misrepresented

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
GROUPS = "/compute/v2.1/os-server-groups"
CLAIMS = f"/apis/identity.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/nameclaims"
KEYS = f"/apis/compute.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/keypairs"


@dataclass
class Thing:
    """A server, a key pair or a server group that somebody asked for.

    ``exists`` is None where nobody knows: a write of it was not answered. ``names`` are those that it may have by
    now, ``states`` the statuses. ``id`` is "" where the answer to its create never came. ``count`` are those that one
    request wanted, of which fewer are none; ``shown`` are fields of a server as they must be. ``trouble`` is the
    fault of the node side that all its instances meet.
    """

    kind: str
    first: str
    id: str = ""
    exists: bool | None = None
    names: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    count: int = 1
    shown: Mapping[str, object] = field(default_factory=dict)
    trouble: str = ""

    @property
    def ends(self) -> set[str]:
        """The statuses that it may show in the end."""
        if not self.trouble or "ACTIVE" not in self.states:
            return self.states
        return (self.states - {"ACTIVE"}) | ENDS[self.trouble]


@dataclass(frozen=True)
class Verdict:
    """What is wrong in the end."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.left or self.untrue)


async def judged(control: Control, demo: Person, things: list[Thing]) -> Verdict:
    """What is wrong with what there is, after all that was answered."""
    verdict = Verdict()
    servers = (await demo.ask("GET", f"{SERVERS}/detail")).document["servers"]
    keys = [each["keypair"]["name"] for each in (await demo.ask("GET", KEYPAIRS)).document["keypairs"]]
    groups = [each["name"] for each in (await demo.ask("GET", GROUPS)).document["server_groups"]]
    estate = await survey(control, "demo")
    verdict.left.extend(estate.halves())
    verdict.left.extend(f"the Ledger has {id}, which is gone" for id in estate.entries if id not in estate.machines)
    verdict.left.extend(await _orphans(control))
    for thing in things:
        if thing.kind == "server":
            _judge_server(thing, servers, verdict)
        else:
            _judge_named(thing, groups if thing.kind == "group" else keys, verdict)
    shown = {server["id"] for server in servers}
    verdict.lost.extend(f"{id} is not listed" for id in estate.machines.keys() - shown)
    verdict.left.extend(f"{id} is listed" for id in shown - estate.machines.keys())
    return verdict


async def untrue(control: Control, demo: Person, things: list[Thing]) -> list[str]:
    """What is shown of servers and is not so, after one more look."""
    servers = (await demo.ask("GET", f"{SERVERS}/detail")).document["servers"]
    return [*await misrepresented(control, servers), *_unsaid(things, servers)]


def _judge_server(thing: Thing, servers: list[Document], verdict: Verdict) -> None:
    found = [server for server in servers if server["id"] == thing.id or server["name"] in thing.names]
    names = {server["name"] for server in found}
    if len(found) > thing.count or len(names) < len(found):
        verdict.doubled.append(f"{thing} is {found}")
    elif found and len(found) < thing.count:
        verdict.left.append(f"{thing} is only {found}")
    elif thing.exists and not (found and thing.id in ("", found[0]["id"]) and names <= thing.names):
        verdict.lost.append(f"{thing} is {found}")
    elif thing.exists and not (states := {server["status"] for server in found}) <= thing.ends:
        verdict.lost.append(f"{thing} is {states}")
    elif thing.exists and not all(thing.shown.items() <= server.items() for server in found):
        verdict.lost.append(f"{thing} is {found}")
    elif thing.exists is False and found:
        verdict.lost.append(f"{thing}, deleted, is {found}")


def _unsaid(things: list[Thing], servers: list[Document]) -> Iterator[str]:
    """Servers in error that do not say of what."""
    told = {server["id"]: server["fault"]["message"] for server in servers if "fault" in server}
    for thing in things:
        if thing.id in told and SAID.get(thing.trouble, "") not in told[thing.id]:
            yield f"{thing} says {told[thing.id]}"


def _judge_named(thing: Thing, names: list[str], verdict: Verdict) -> None:
    found = names.count(thing.first)
    if found > 1:
        verdict.doubled.append(f"{thing} is there {found} times")
    elif thing.exists is not None and thing.exists != bool(found):
        verdict.lost.append(f"{thing} is there {found} times")


async def _orphans(control: Control) -> list[str]:
    """Claims without their key pairs and key pairs without their claims; volumes that no server uses."""
    keys = {item["metadata"]["name"] for item in (await control.get(KEYS))["items"]}
    claims = [item["spec"] for item in (await control.get(CLAIMS))["items"] if item["spec"]["kind"] == "keypair"]
    claimed = [spec["place"].rpartition("/")[2] for spec in claims]
    found = [f"the name of key pair {name} is claimed" for name in claimed if name not in keys]
    found += [f"key pair {name} has no claim" for name in keys if name not in claimed]
    found += [f"key pair {name} has two claims" for name, count in Counter(claimed).items() if count > 1]
    return found
