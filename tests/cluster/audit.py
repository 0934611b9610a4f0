"""``python -m tests.cluster.audit FOLDER``: whether Dicot made the calls of its table, all of them and no others.

The folder holds the audit logs of clusters that Dicot ran on. The exit code is 1 where the authorizer refused a call
or let one pass that is not in the table, and, with ``--whole`` (after all tests on the real programs), where a rule
of the roles was never needed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicot.cloud.tenancy.calls import BIND, IMPERSONATE, OWN_ACCOUNT, PROJECTS, Call, calls, covering
from dicot.config import Config
from dicot.moments import read
from dicot.names import ACCOUNTS_NAMESPACE, SYSTEM_NAMESPACE
from dicot.served import resources

ACCOUNT = "system:serviceaccount:"
OWN_USER = f"{ACCOUNT}{SYSTEM_NAMESPACE}:{OWN_ACCOUNT}"
PROJECT_USERS = f"{ACCOUNT}{ACCOUNTS_NAMESPACE}:"
DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
GRANTED = "datavolumes/source"
TRIED = re.compile(
    r"create virtualmachines\.kubevirt\.io as (reader in projects: |member in projects: default/)"
    r"|.* as member in projects: admin/victim-|create serverlogs\.compute\.dicot\.io as member in projects: admin/"
)
"""What tests.cloud.test_writer_live and tests.live.test_tenants_live make Dicot try, to see it refused."""

EVERYBODYS = frozenset({"selfsubjectreviews", "selfsubjectrulesreviews"})
"""What everybody may ask about himself (system:basic-user), as `dicot check` does."""
LOOKED = frozenset(
    {
        "clusterrolebindings",
        "clusterroles",
        "customresourcedefinitions",
        "serviceaccounts",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    }
)
"""What `dicot check` and `make run` look at; as Dicot's own account they are refused, and say so."""


SOON = 120.0
"""Seconds after its start in which a server knows all roles again, and those that it refused have come back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request of one of Dicot's accounts, as the log has it."""

    call: Call
    namespace: str
    allowed: bool
    text: str
    at: float


def heard(event: Any) -> Heard | None:
    """What an event tells; None where it is of somebody else, or of no resource."""
    user = (event.get("impersonatedUser") or event["user"])["username"]
    what = event.get("objectRef")
    if (
        not what
        or what.get("resource", "") in EVERYBODYS | {""}
        or not (user == OWN_USER or user.startswith(PROJECT_USERS))
    ):
        return None
    namespace, resource = what.get("namespace", ""), what["resource"]
    if what.get("subresource"):
        resource = f"{resource}/{what['subresource']}"
    account, where = "", namespace if namespace in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE) else ""
    if user != OWN_USER:
        account, where = user.rpartition("-")[2], PROJECTS
    call = Call(account, where, what.get("apiGroup", ""), resource, event["verb"])
    said = event.get("annotations") or {}
    status = event.get("responseStatus") or {}
    allowed, message = said.get(DECISION) != "forbid", str(status.get("message", ""))
    if "cannot impersonate resource" in message:
        # It was the right to act as somebody that was missing; nobody has asked yet for what was to be done.
        call, allowed = Call("", ACCOUNTS_NAMESPACE, "", "serviceaccounts", IMPERSONATE), False
    text = f"{call}: {namespace}/{what.get('name', '')} {said.get(REASON, '')} {message}"
    return Heard(call, namespace, allowed, text.strip(), read(event.get("requestReceivedTimestamp", "")) or 0.0)


def events(path: Path) -> Iterator[Any]:
    """The events of a log; a line that was cut off by the end of its server is passed over."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def ended(found: Iterable[Any]) -> frozenset[str]:
    """The namespaces that were deleted: from then on nobody has rights in them."""
    return frozenset(
        event["objectRef"]["name"]
        for event in found
        if event["verb"] == "delete" and event.get("objectRef", {}).get("resource") == "namespaces"
    )


@dataclass
class Report:
    """What logs say of the table."""

    table: tuple[Call, ...]
    met: Counter[Call] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add(self, log: Sequence[Any]) -> None:
        """Counts the calls of a log: those of each line, those that were refused, and those that have no line."""
        gone = ended(log)
        passed: dict[Call, list[float]] = {}
        refused: list[tuple[Call | None, Heard]] = []
        for each in filter(None, map(heard, log)):
            self.total += 1
            line = covering(self.table, each.call)
            if each.allowed and line is not None:
                self.met[line] += 1
                passed.setdefault(line, []).append(each.at)
            elif each.allowed:
                self.wrong[f"let pass: {each.text}"] += 1
            elif not (each.namespace in gone or is_tried(each)):
                refused.append((line, each))
        starts = [each.at for line, each in refused if is_forgotten(each, passes(passed, line))]
        for line, each in refused:
            if line is None or each.call.account or not any(abs(each.at - start) < SOON for start in starts):
                self.wrong[f"refused: {each.text}"] += 1

    def is_met(self, line: Call) -> bool:
        """Whether a call was made for which Dicot needs that line."""
        return self.met[line] > 0 or any(implies(made, line) for made in self.met)

    @property
    def unmet(self) -> list[Call]:
        """The lines of rules of which nothing was needed."""
        return [line for rule in generated(self.table) if not any(map(self.is_met, rule)) for line in rule]


def passes(passed: Mapping[Call, Sequence[float]], line: Call | None) -> Iterator[float]:
    """When calls passed that show that the right of a line was there."""
    for made, times in passed.items():
        if line is not None and (made == line or implies(made, line)):
            yield from times


def is_forgotten(each: Heard, passed: Iterable[float]) -> bool:
    """Whether a right of Dicot's own was known before, and soon again: the server has just started."""
    times = [at - each.at for at in passed]
    return not each.call.account and any(at < 0 for at in times) and any(0 < at < SOON for at in times)


def is_tried(each: Heard) -> bool:
    """Whether a call is made in the knowledge that it may be refused."""
    looks = (each.call.account, each.call.verb) == ("", "get") and each.call.resource in LOOKED
    return looks or TRIED.match(each.text) is not None


def generated(table: Iterable[Call]) -> list[list[Call]]:
    """The lines behind each rule of the roles, which put together what has the same verbs in a group."""
    verbs: dict[tuple[str, ...], set[str]] = {}
    rows: dict[tuple[str, ...], list[Call]] = {}
    for line in table:
        key = ("" if not line.account else PROJECTS, line.where, line.group, *line.names, line.resource)
        verbs.setdefault(key, set()).add(line.verb)
        rows.setdefault(key, []).append(line)
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Call]] = {}
    for key, found in rows.items():
        together.setdefault((key[:-1], tuple(sorted(verbs[key]))), []).extend(found)
    return list(together.values())


def implies(made: Call, held: Call) -> bool:
    """Whether a call needs, beside its own right, that other one."""
    if held.verb == IMPERSONATE:
        return made.account != ""
    if made.account or made.verb not in ("create", "update"):
        return False
    return (held.verb == BIND and made.resource == "rolebindings") or (
        held.resource == GRANTED and made.resource == "roles"
    )


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    options = argparse.ArgumentParser(prog="python -m tests.cluster.audit", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--whole", action="store_true", help="every line of the table must have been needed")
    given = options.parse_args(arguments)
    found = Report(calls(resources(Config())))
    for path in sorted(given.folder.iterdir()):
        found.add(list(events(path)))
    for text, count in found.wrong.items():
        print(f"{count} times {text}")
    for line in found.unmet:
        print(f"of a rule that was never needed: {line} ({line.why})")
    print(f"{found.total} calls of Dicot, {sum(found.wrong.values())} of them wrong")
    return 1 if found.wrong or not found.total or (given.whole and found.unmet) else 0


if __name__ == "__main__":
    sys.exit(main())
