"""Who may do what: roles and bindings, indexed by subject."""

from __future__ import annotations

import json
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ..asked import Attributes, User
from ..seams import Change, Objects, Verdict
from .rules import Rule, Rules, places

GROUP = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
ALLOWED, REFUSED = Verdict(True), Verdict(False)
BINDINGS = frozenset({"rolebindings", "clusterrolebindings"})
ROLES = frozenset({"roles", "clusterroles"})
_Subject = tuple[str, str]
_Key = tuple[str, str]


def account(namespace: str, name: str) -> str:
    """The user name of a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding, seen from one of its subjects. ``role`` is (namespace, name), for a ClusterRole ("", name);
    ``verdict`` is what is said where it allows something."""

    role: _Key
    verdict: Verdict

    def absent(self) -> str:
        """What is said of a role that is not there."""
        kind = "role" if self.role[0] else "clusterrole"
        return f"{kind}.{GROUP} {json.dumps(self.role[1])} not found"


class Rights:
    """Roles and bindings, kept up by ``put`` and ``drop``; answers as kube-apiserver's RBAC authorizer does."""

    def __init__(self) -> None:
        self._roles: dict[_Key, Rules] = {}
        self._bound: dict[_Key, tuple[_Subject, ...]] = {}
        self._grants: dict[str, dict[_Subject, dict[_Key, Grant]]] = {}

    def put(self, plural: str, found: Manifest) -> None:
        """A role or binding as it is now."""
        key = _key(found)
        if plural in ROLES:
            self._roles[key] = Rules.read(found)
            return
        self._unbind(key)
        grants: dict[_Subject, Grant] = {}
        for subject in found.get("subjects") or ():
            if (who := _who(subject, key[0])) is not None and who not in grants:
                grants[who] = _grant(found, key, subject)
        self._bound[key] = tuple(grants)
        for who, grant in grants.items():
            self._grants.setdefault(key[0], {}).setdefault(who, {})[key] = grant

    def drop(self, plural: str, found: Manifest) -> None:
        """A role or binding that is gone."""
        if plural in ROLES:
            self._roles.pop(_key(found), None)
        else:
            self._unbind(_key(found))

    def _unbind(self, key: _Key) -> None:
        place = self._grants.get(key[0], {})
        for who in self._bound.pop(key, ()):
            del place[who][key]
            if not place[who]:
                del place[who]
        if not place:
            self._grants.pop(key[0], None)

    def authorize(self, user: User, asked: Attributes) -> Verdict:
        """The reason of a refusal names roles that are bound but absent; there is no other."""
        if MASTERS in user.groups:
            return ALLOWED
        absent: list[str] = []
        where = places(asked)
        for grant in self._granted(user, asked.namespace):
            rules = self._roles.get(grant.role)
            if rules is None:
                absent.append(grant.absent())
            elif rules.allow(asked, where):
                return grant.verdict
        return Verdict(False, f"RBAC: {aggregate(absent)}") if absent else REFUSED

    def rules_for(self, user: User, namespace: str) -> tuple[list[Rule], str]:
        """All rules that a user has in a namespace, and what was amiss."""
        held: list[Rule] = []
        absent: list[str] = []
        for grant in self._granted(user, namespace):
            rules = self._roles.get(grant.role)
            if rules is None:
                absent.append(grant.absent())
            else:
                held.extend(rules.all)
        return held, aggregate(absent)

    def role(self, kind: str, namespace: str, name: str) -> Rules | None:
        """The rules that a roleRef means, None where there is no such role."""
        return self._roles.get((namespace if kind == "Role" else "", name))

    def _granted(self, user: User, namespace: str) -> list[Grant]:
        held: list[Grant] = []
        for place in ("", namespace) if namespace else ("",):
            grants = self._grants.get(place)
            if grants is None:
                continue
            if (own := grants.get(("User", user.name))) is not None:
                held.extend(own.values())
            for group in user.groups:
                if (shared := grants.get(("Group", group))) is not None:
                    held.extend(shared.values())
        return held


def follow(rights: Rights, objects: Objects) -> None:
    """Let an authorizer know the roles and bindings that are stored, now and from now on."""
    for plural in (*ROLES, *BINDINGS):
        for found in objects.list(GROUP, plural):
            rights.put(plural, found)

    def changed(change: Change) -> None:
        plural = change.resource.plural
        if change.resource.group != GROUP or plural not in ROLES | BINDINGS:
            return
        if change.new is not None:
            rights.put(plural, json.loads(change.new))
        elif change.old is not None:
            rights.drop(plural, json.loads(change.old))

    objects.listen(changed)


def aggregate(messages: list[str]) -> str:
    """Several errors as one (apimachinery, util/errors): each once."""
    each = list(dict.fromkeys(messages))
    if len(each) <= 1:
        return "".join(each)
    return f"[{', '.join(each)}]"


def _key(found: Manifest) -> _Key:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


def _who(subject: Manifest, namespace: str) -> _Subject | None:
    """A subject as users are found by it; an account is the user of its name."""
    kind, name = subject["kind"], subject["name"]
    if kind != "ServiceAccount":
        return kind, name
    at = subject.get("namespace") or namespace
    return ("User", account(at, name)) if at else None


def _grant(binding: Manifest, key: _Key, subject: Manifest) -> Grant:
    namespace, name = key
    ref = binding["roleRef"]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    shown = f"{name}/{namespace}" if namespace else name
    said = (
        f"{kind} {json.dumps(shown)} of {ref['kind']} {json.dumps(ref['name'])} to {_described(subject, namespace)}"
    )
    verdict = Verdict(True, f"RBAC: allowed by {said}")
    return Grant((namespace if ref["kind"] == "Role" else "", ref["name"]), verdict)


def _described(subject: Manifest, namespace: str) -> str:
    kind, name = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f"{kind} {json.dumps(name)}"
