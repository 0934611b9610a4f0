"""Everything that identity and the gate are made of, put together once."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher

from ..cloud.callers.directory import Directory, Projects
from ..cloud.callers.gate import TokenGate
from ..cloud.callers.keys import TOKEN_KEYS, Keyring
from ..cloud.callers.policy import assembled
from ..cloud.callers.revocation import Revocations
from ..cloud.callers.standing import Standings
from ..cloud.callers.tokens import Tokens
from ..cloud.kinds.identity import REVOCATION, USER
from ..cloud.service import Service
from ..config import Config
from ..kube.client import Kube
from ..kube.kind import Kind
from ..kube.store import Store
from ..web.prefixes import PREFIXES
from .brake import Brake
from .catalog import catalog
from .desk import Desk
from .password import HASHER, Passwords


@dataclass(frozen=True)
class Surroundings:
    """What identity stands on.

    ``now`` is Unix time in seconds, ``clock`` counts seconds that nobody sets; ``age`` the seconds since the identity
    watches were last heard (the largest); ``sleep`` waits; ``run`` does its argument in a thread.
    """

    config: Config
    services: Iterable[Service]
    kube: Kube
    stores: Mapping[Kind[Any], Store[Any]]
    projects: Projects
    now: Callable[[], float]
    clock: Callable[[], float]
    age: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    run: Callable[[Callable[[], Any]], Awaitable[Any]]
    random: Callable[[int], bytes] = os.urandom
    hasher: PasswordHasher = field(default=HASHER)


def furnished(given: Surroundings) -> tuple[Desk, TokenGate]:
    """The desk for ``Bench.tools``, and the gate for every ``Api``. Listens to the stores from here on."""
    services = tuple(given.services)
    ring = Keyring(given.stores[TOKEN_KEYS], given.kube, given.now, given.clock, given.random)
    tokens = Tokens(ring, given.random, given.config.token_life)
    directory = Directory(given.stores, given.projects)
    revocations = Revocations(given.stores[REVOCATION], given.stores[USER], given.kube, given.now, given.clock)
    standings = Standings(tokens, ring, directory, revocations, given.now, given.age)
    brake = Brake(given.clock, given.sleep)
    desk = Desk(
        ring=ring,
        tokens=tokens,
        standings=standings,
        directory=directory,
        revocations=revocations,
        passwords=Passwords(given.kube, given.run, brake, given.clock, given.random, given.hasher),
        policy=assembled(services),
        catalog=catalog(services, given.config),
        url=given.config.public_url.rstrip("/") + PREFIXES["identity"],
        now=given.now,
    )
    return desk, TokenGate(standings, desk.policy)
