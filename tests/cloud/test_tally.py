"""Sums of what rows take, while rows come and go."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI, Vm, Vmi
from dicot.cloud.reading.resolver import Resolver
from dicot.cloud.resource import Tallied
from tests.kube.fake import FakeKube

from .ground import BLUE, RED, Ground, caller


def measure(vm: Vm, part: Callable[[], Vmi | None]) -> tuple[str, Mapping[str, int]]:
    """The size that an annotation says, or what the instance has for processors."""
    notes = vm.metadata.annotations
    if "dicot.io/size" in notes:
        return notes.get("dicot.io/user-id", ""), {"ones": 1, "size": int(notes["dicot.io/size"])}
    instance = part()
    cpu = instance.spec.domain.cpu if instance else None
    return "", {"ones": 1, "size": cpu.cores if cpu else 0}


TEMPLATE: dict[str, Any] = {"template": {"spec": {"domain": {}}}}
SIZES = Tallied(VM, VMI, measure)


class TallyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ground = Ground((VM, VMI))
        self.ground.sync()
        for namespace, id in (("red", RED), ("blue", BLUE)):
            self.ground.project(namespace, id)
        self.tally = self.ground.cache.tally(SIZES)

    def put(self, name: str, size: int | None, namespace: str = "red", user: str = "u") -> None:
        notes = {} if size is None else {"dicot.io/size": str(size), "dicot.io/user-id": user}
        self.ground.put(VM, namespace, name, metadata={"annotations": notes}, spec=TEMPLATE)

    def instance(self, name: str, cores: int, owner: str = "") -> None:
        owners = [{"uid": owner or f"uid-red-{name}", "controller": True}]
        spec = {"domain": {"cpu": {"cores": cores}}}
        self.ground.put(VMI, "red", name, uid=f"vmi-{name}", metadata={"ownerReferences": owners}, spec=spec)

    def sums(self, namespace: str = "red") -> dict[str, dict[str, int]]:
        return {owner: dict(found) for owner, found in self.tally.of(namespace).items()}

    def test_rows_come_change_and_go(self) -> None:
        self.put("a", 3)
        self.put("b", 4)
        self.assertEqual(self.sums(), {"u": {"ones": 2, "size": 7}})
        self.put("a", 5)
        self.assertEqual(self.sums(), {"u": {"ones": 2, "size": 9}})
        self.ground.drop(VM, "red", "b")
        self.assertEqual(self.sums(), {"u": {"ones": 1, "size": 5}})
        self.ground.drop(VM, "red", "a")
        self.assertEqual(self.sums(), {})

    def test_by_whose_they_are_and_by_namespace(self) -> None:
        self.put("a", 3)
        self.put("b", 4, user="v")
        self.put("a", 9, "blue")
        self.assertEqual(self.sums(), {"u": {"ones": 1, "size": 3}, "v": {"ones": 1, "size": 4}})
        self.assertEqual(self.sums("blue"), {"u": {"ones": 1, "size": 9}})
        self.assertEqual(self.sums("green"), {})

    def test_a_new_object_under_an_old_name(self) -> None:
        self.put("a", 3)
        self.assertEqual(self.sums()["u"]["size"], 3)
        notes = {"dicot.io/size": "8", "dicot.io/user-id": "u"}
        self.ground.put(VM, "red", "a", uid="another", metadata={"annotations": notes}, spec=TEMPLATE)
        self.assertEqual(self.sums(), {"u": {"ones": 1, "size": 8}})

    def test_what_the_row_does_not_tell_its_part_does(self) -> None:
        self.put("a", None)
        self.assertEqual(self.sums(), {"": {"ones": 1, "size": 0}})
        self.instance("a", 6)
        self.assertEqual(self.sums(), {"": {"ones": 1, "size": 6}})
        self.instance("a", 2)
        self.assertEqual(self.sums(), {"": {"ones": 1, "size": 2}})
        self.ground.drop(VMI, "red", "a")
        self.assertEqual(self.sums(), {"": {"ones": 1, "size": 0}})

    def test_a_part_of_somebody_else_is_none(self) -> None:
        self.put("a", None)
        self.instance("a", 6, owner="somebody")
        self.assertEqual(self.sums(), {"": {"ones": 1, "size": 0}})

    def test_what_nobody_asks_for_is_measured_all_the_same(self) -> None:
        for number in range(20):
            self.put(f"m{number}", 1)
        self.ground.clock.advance(1)
        self.assertEqual(self.ground.clock.getDelayedCalls(), [])
        self.assertEqual(self.sums(), {"u": {"ones": 20, "size": 20}})

    def test_many_rows_at_once(self) -> None:
        rows = [
            self.ground.manifest(VM, "red", f"vm-{number}", metadata={"annotations": {"dicot.io/size": "2"}})
            for number in range(1200)
        ]
        self.ground.stores[VM].replace([msgspec.json.encode(row) for row in rows], "9999")
        self.assertEqual(self.sums(), {"": {"ones": 1200, "size": 2400}})

    def test_rows_that_were_there_before(self) -> None:
        self.put("a", 3)
        late = Tallied(VM, VMI, lambda vm, part: measure(vm, part))
        self.assertEqual(dict(self.ground.cache.tally(late).of("red")["u"]), {"ones": 1, "size": 3})
        self.assertIs(self.ground.cache.tally(late), self.ground.cache.tally(late))

    def test_it_is_what_adding_all_up_would_give(self) -> None:
        chance = Random(7)
        there: dict[str, int] = {}
        for _ in range(1000):
            name, size = chance.choice("abcde"), chance.randrange(-3, 10)
            if size < 0:
                self.ground.drop(VM, "red", name)
                there.pop(name, None)
            else:
                self.put(name, size)
                there[name] = size
            if chance.random() < 0.3:
                found = self.sums().get("u", {})
                self.assertEqual((found.get("ones", 0), found.get("size", 0)), (len(there), sum(there.values())))


class SightTests(SynchronousTestCase):
    def test_only_the_own_project(self) -> None:
        ground = Ground((VM, VMI))
        ground.sync()
        ground.project("red", RED)
        for namespace in ("red", "blue"):
            ground.put(VM, namespace, "a", metadata={"annotations": {"dicot.io/size": "1"}}, spec=TEMPLATE)
        known = Resolver(ground.cache, FakeKube(ground.clock)).known
        self.assertEqual(known(caller()).tally(SIZES)[""]["size"], 1)
        self.assertEqual(known(caller("blue", BLUE)).tally(SIZES), {})
        self.assertEqual(known(caller("", "")).tally(SIZES), {})
