"""Acting as somebody else, as kube-apiserver allows it (apiserver, pkg/endpoints/filters/impersonation).

Two rights lead there: ``impersonate`` for whatever the request is, and the constrained one of a mode, which needs
``impersonate-on:MODE:VERB`` for the request and ``impersonate:MODE`` for the identity. The one that served an
impersonator last is tried first, and its refusal is the one that is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from cachetools import LRUCache

from ..asked import Attributes, User
from ..refusal import Refusal
from ..seams import Authorizer
from .names import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, account_groups, node_name, split_account
from .rbac import MASTERS
from .refusals import bad_request, denied

EXTRA = "impersonate-extra-"
NODES = "system:nodes"
NODE_OF_POD = "authentication.kubernetes.io/node-name"
AUTHENTICATION = "authentication.k8s.io"
MANY = 4
"""From so many groups or extras on, the right to all of them is asked for first."""


def wanted(headers: Iterable[tuple[str, str]]) -> User | None:
    """Whom the headers of a request name, None where they name nobody. 400 where only the rest of one is named."""
    name, uid = "", ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    for header, value in headers:
        match header.lower():
            case "impersonate-user":
                name = name or value
            case "impersonate-uid":
                uid = uid or value
            case "impersonate-group":
                groups.append(value)
            case key if key.startswith(EXTRA):
                extra.setdefault(_decoded(key.removeprefix(EXTRA)), []).append(value)
    user = User(name, tuple(groups), uid, {key: tuple(values) for key, values in extra.items()})
    if name:
        return user
    if uid or groups or extra:
        raise bad_request(f"requested {_shown(user)} without impersonating a user name")
    return None


def _decoded(key: str) -> str:
    try:
        return unquote_to_bytes(key).decode()
    except UnicodeDecodeError:
        return key


def _shown(user: User) -> str:
    """As Go prints such a value."""
    groups = ", ".join(map(json.dumps, user.groups))
    extra = ", ".join(
        f"{json.dumps(key)}:[]string{{{', '.join(map(json.dumps, values))}}}"
        for key, values in sorted(user.extra.items())
    )
    parts = (
        f"Name:{json.dumps(user.name)}",
        f"UID:{json.dumps(user.uid)}",
        f"Groups:[]string{{{groups}}}" if groups else "Groups:[]string(nil)",
        f"Extra:map[string][]string{{{extra}}}" if extra else "Extra:map[string][]string(nil)",
    )
    return f"&user.DefaultInfo{{{', '.join(parts)}}}"


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to act as somebody: ``fits`` says for whom, "" is the way without constraint."""

    name: str
    fits: Callable[[User, User], bool]


def _bare(user: User) -> bool:
    return not (user.uid or user.groups or user.extra)


def _own_node(user: User, asking: User) -> bool:
    own = asking.extra.get(NODE_OF_POD, ())
    return _bare(user) and split_account(asking.name) is not None and own == (node_name(user.name),)


def _node(user: User, _: User) -> bool:
    return _bare(user) and node_name(user.name) is not None


def _account(user: User, _: User) -> bool:
    return _bare(user) and split_account(user.name) is not None


def _somebody(user: User, _: User) -> bool:
    return node_name(user.name) is None and split_account(user.name) is None


MODES = (
    Mode("associated-node", _own_node),
    Mode("arbitrary-node", _node),
    Mode("serviceaccount", _account),
    Mode("user-info", _somebody),
    Mode("", lambda user, asking: True),
)


class Impersonation:
    """Decides who acts as whom."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._served: LRUCache[str, Mode] = LRUCache(10_000)

    def act(self, asking: User, user: User, asked: Attributes) -> User:
        """The identity under which a request goes on; 403 where it may not."""
        last = self._served.get(asking.name)
        modes = MODES if last is None else (last, *(mode for mode in MODES if mode is not last))
        refusals: list[Refusal] = []
        for mode in modes:
            if not mode.fits(user, asking):
                continue
            try:
                becomes = self._take(mode, asking, user, asked)
            except Refusal as refusal:
                refusals.append(refusal)
                continue
            self._served[asking.name] = mode
            return becomes
        raise refusals[0]

    def _take(self, mode: Mode, asking: User, user: User, asked: Attributes) -> User:
        if mode.name:
            self._check(asking, replace(asked, verb=f"impersonate-on:{mode.name}:{asked.verb}"))
        for need in self._needs(mode, user, asking):
            self._check(asking, need)
        return _completed(user, mode)

    def _needs(self, mode: Mode, user: User, asking: User) -> Iterable[Attributes]:
        verb = f"impersonate:{mode.name}" if mode.name else "impersonate"
        group, version = (AUTHENTICATION, "v1") if mode.name else ("", "v1")
        yield _name(Attributes(verb, group, version), user.name, mode)
        named = Attributes(verb, AUTHENTICATION, "v1")
        if user.uid:
            yield replace(named, resource="uids", name=user.uid)
        groups = Attributes(verb, group, version, "groups")
        if user.groups and not (mode.name and self._all(asking, groups, user.groups)):
            yield from (replace(groups, name=each) for each in user.groups)
        extras = replace(named, resource="userextras")
        many = mode.name and sum(map(len, user.extra.values())) >= MANY
        if not (many and self._may(asking, replace(extras, subresource="*", name="*"))):
            for key, values in user.extra.items():
                yield from (replace(extras, subresource=key, name=each) for each in values)

    def _all(self, asking: User, asked: Attributes, groups: tuple[str, ...]) -> bool:
        """Whether all groups may be had at once in a constrained way, which some may never."""
        if "" in groups:
            raise denied(asking, asked, "impersonating the empty string group is not allowed")
        if MASTERS in groups:
            raise denied(asking, replace(asked, name=MASTERS), f"impersonating the {MASTERS} group is not allowed")
        return len(groups) >= MANY and self._may(asking, replace(asked, name="*"))

    def _may(self, asking: User, asked: Attributes) -> bool:
        return self._authorizer.authorize(asking, asked).allowed

    def _check(self, asking: User, asked: Attributes) -> None:
        verdict = self._authorizer.authorize(asking, asked)
        if not verdict.allowed:
            raise denied(asking, asked, verdict.reason)


def _name(asked: Attributes, user: str, mode: Mode) -> Attributes:
    """What must be allowed for a name."""
    if (account := split_account(user)) is not None:
        return replace(asked, resource="serviceaccounts", namespace=account[0], name=account[1])
    if mode.name and (node := node_name(user)) is not None:
        return replace(asked, resource="nodes", name="*" if mode.name == "associated-node" else node)
    return replace(asked, resource="users", name=user)


def _completed(user: User, mode: Mode) -> User:
    """With the groups that come by themselves."""
    groups = user.groups
    if not groups and (account := split_account(user.name)) is not None:
        groups = account_groups(account[0])
    if mode.name and node_name(user.name) is not None:
        groups = (NODES,)
    if user.name == ANONYMOUS:
        return replace(user, groups=_with(groups, UNAUTHENTICATED))
    return replace(user, groups=groups if UNAUTHENTICATED in groups else _with(groups, AUTHENTICATED))


def _with(groups: tuple[str, ...], group: str) -> tuple[str, ...]:
    return groups if group in groups else (*groups, group)
