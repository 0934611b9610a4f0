"""Plans for servers, as tests ask for them."""

import base64
from typing import Any

from dicot.caller import Caller
from dicot.cloud.plan import Create, Plan
from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.kube.kind import Manifest

from .objects import (
    IMAGE,
    NOW,
    SERVER,
)
from .world import MEMBER, World, furnished

USER_DATA = base64.b64encode(b"#!/bin/sh\n").decode()
NAME = "web1-11111111"
AUTO_DISK: dict[str, Any] = {"OS-DCF:diskConfig": "AUTO"}


def body(**more: Any) -> Manifest:
    server = {"name": "web1", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", **more}
    return {"server": {key: value for key, value in server.items() if value is not ...}}


def plans(
    world: World | None = None,
    who: Caller = MEMBER,
    *,
    ids: tuple[str, ...] = (SERVER,),
    minor: int = 94,
    **more: Any,
) -> tuple[Plan, ...]:
    wanted = new_server(minor)(body(**more))
    return create(wanted, (world or furnished()).known(who), ids, "r-abcdefgh", "req-1", NOW)


def plan(world: World | None = None, who: Caller = MEMBER, **more: Any) -> Plan:
    [found] = plans(world, who, **more)
    return found


def machine(made: Plan) -> Any:
    assert isinstance(made.commit, Create)
    return made.commit.body


def instance(made: Plan) -> Any:
    return machine(made)["spec"]["template"]["spec"]


def pending(made: Plan, kind: Any) -> list[Any]:
    return [step.body for step in made.pending if step.kind is kind]
