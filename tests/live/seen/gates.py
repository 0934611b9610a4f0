"""What a stock KubeVirt does not do, feature gates above all: opened for a test, and shut again behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from tests.cluster.control import MERGE, SOON, Sight
from tests.cluster.objects import Document

if TYPE_CHECKING:
    from .stage import SeenTestCase

KUBEVIRT = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt"


async def open_gates(case: SeenTestCase, *gates: str) -> None:
    """Open these beside those that are; after the test all is as it was."""
    settings = (await case.control.get(KUBEVIRT))["spec"].get("configuration", {}).get("developerConfiguration", {})
    before = settings.get("featureGates")

    async def shut() -> None:
        await _set(case, before)

    case.addCleanup(lambda: Deferred.fromCoroutine(shut()))
    await _set(case, [*(before or ()), *gates])


async def _set(case: SeenTestCase, gates: object) -> None:
    developer = {"featureGates": gates}
    patch: Document = {"spec": {"configuration": {"developerConfiguration": developer}}}
    await case.control.change("PATCH", KUBEVIRT, patch, MERGE)


async def let_move(case: SeenTestCase) -> None:
    """Have KubeVirt move guests that were changed while they run; after the test all is as it was."""
    before = (await case.control.get(KUBEVIRT))["spec"].get("workloadUpdateStrategy", {}).get("workloadUpdateMethods")

    async def set_methods(methods: object) -> None:
        patch: Document = {"spec": {"workloadUpdateStrategy": {"workloadUpdateMethods": methods}}}
        await case.control.change("PATCH", KUBEVIRT, patch, MERGE)

    case.addCleanup(lambda: Deferred.fromCoroutine(set_methods(before)))
    await set_methods(["LiveMigrate"])


async def until_answered(case: SeenTestCase, path: str, body: Document, seen: Sight) -> None:
    """PUT again and again until virt-api, which hears of its gates a moment later, says that."""

    async def heard() -> bool:
        answer = await case.control.ask("PUT", path, body)
        return answer.content.startswith(b"{") and seen(answer.document)

    await case.control.until(SOON, f"another answer to {path}", heard)


async def shown_open(case: SeenTestCase, path: str, document: Document) -> None:
    """POST again and again until nobody says any more that a gate is shut."""

    async def heard() -> bool:
        answer = await case.control.ask("POST", path, document)
        return b"feature gate not enabled" not in answer.content

    await case.control.until(SOON, f"an open gate at {path}", heard)


async def until_refused(case: SeenTestCase, path: str, document: Document, why: str) -> None:
    """POST again and again until a gate that was open a moment ago is seen to be shut."""

    async def heard() -> bool:
        answer = await case.control.ask("POST", path, document)
        return answer.status == 400 and why in answer.document["message"]

    await case.control.until(SOON, f"a shut gate at {path}", heard)
