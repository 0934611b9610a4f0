"""The server group of a new server."""

from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.compute.server_group import SERVER_GROUP
from dicot.config import QUOTA_DEFAULTS, Config
from dicot.faults import BadRequest, Forbidden

from .objects import NAMESPACE, NOW, OTHER_NAMESPACE, SERVER, USER
from .planned import body, instance, machine
from .world import ADMIN, MEMBER, furnished

GROUP = "0d3c7a52-3c39-4c7f-8f2e-000000000001"
LABEL, SLOT = "dicot.io/server-group", "dicot.io/server-group-slot"
HARD, SOFT = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
OTHERS = tuple(f"{number:08d}-0000-4000-8000-000000000000" for number in range(2, 9))


def group(policy: str, namespace: str = NAMESPACE, **spec: Any) -> dict[str, Any]:
    meta = {"name": "g", "namespace": namespace, "uid": "u-g", "labels": {"dicot.io/id": GROUP}}
    return {"metadata": meta, "spec": {"name": "g", "policy": policy, **spec}}


def member(id: str, slot: int | None = None, user: str = USER) -> dict[str, Any]:
    labels = {"dicot.io/id": id, LABEL: GROUP, **({} if slot is None else {SLOT: str(slot)})}
    meta = {"name": f"m-{id[:8]}", "namespace": NAMESPACE, "uid": f"u-{id}", "labels": labels}
    note = '{"vcpus": 1, "ram": 512}'
    annotations = {"dicot.io/user-id": user, "dicot.io/flavor": note}
    return {"metadata": meta | {"annotations": annotations}, "spec": {"template": {"spec": {"domain": {}}}}}


def term(**labels: str) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}


class GroupCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = furnished()

    def plans(self, ids: tuple[str, ...] = (SERVER,), who: Any = MEMBER, hints: Any = None, **more: Any) -> Any:
        wanted = {**body(**more), "os:scheduler_hints": hints or {"group": GROUP}}
        return create(new_server(94)(wanted), self.world.known(who), ids, "r-abcdefgh", "req-1", NOW)

    def refused(self, **more: Any) -> str:
        return str(self.assertRaises(BadRequest, self.plans, **more))


class PlacementTests(GroupCase):
    def affinity(self, policy: str, **spec: Any) -> Any:
        self.world.add(SERVER_GROUP, group(policy, **spec))
        [plan] = self.plans()
        return instance(plan)["affinity"]

    def test_affinity(self) -> None:
        self.assertEqual(self.affinity("affinity"), {"podAffinity": {HARD: [term(**{LABEL: GROUP})]}})

    def test_anti_affinity(self) -> None:
        self.assertEqual(
            self.affinity("anti-affinity"), {"podAntiAffinity": {HARD: [term(**{LABEL: GROUP, SLOT: "0"})]}}
        )

    def test_soft_policies_are_wishes(self) -> None:
        wish = [{"weight": 100, "podAffinityTerm": term(**{LABEL: GROUP})}]
        self.assertEqual(self.affinity("soft-affinity"), {"podAffinity": {SOFT: wish}})
        self.assertEqual(self.affinity("soft-anti-affinity"), {"podAntiAffinity": {SOFT: wish}})

    def test_the_machine_and_its_pod_are_of_the_group(self) -> None:
        self.affinity("anti-affinity")
        made = machine(self.plans()[0])
        for labels in (made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]):
            self.assertEqual((labels[LABEL], labels[SLOT]), (GROUP, "0"))

    def test_a_zone_is_kept_beside_it(self) -> None:
        self.world.add(SERVER_GROUP, group("anti-affinity"))
        self.world.add(VM, member(OTHERS[0], 0))
        [plan] = self.plans(hints={"group": GROUP, "different_host": [OTHERS[0]]})
        self.assertEqual(len(instance(plan)["affinity"]["podAntiAffinity"][HARD]), 2)


class SlotTests(GroupCase):
    """As many slots as servers may share a node; no two of one slot do."""

    def slots(self, ids: tuple[str, ...], most: int, *taken: int) -> list[str]:
        self.world.add(SERVER_GROUP, group("anti-affinity", maxServerPerHost=most))
        for id, slot in zip(OTHERS, taken, strict=False):
            self.world.add(VM, member(id, slot))
        made = self.plans(ids, max_count=len(ids)) if len(ids) > 1 else self.plans(ids)
        return [machine(plan)["metadata"]["labels"][SLOT] for plan in made]

    def test_the_emptiest_is_taken(self) -> None:
        self.assertEqual(self.slots((SERVER,), 3, 0, 0, 1, 2, 2), ["1"])

    def test_those_of_one_request_are_spread(self) -> None:
        ids = (SERVER, "22222222-0000-4000-8000-000000000000", "33333333-0000-4000-8000-000000000000")
        self.assertEqual(sorted(self.slots(ids, 3)), ["0", "1", "2"])

    def test_more_than_there_are_slots(self) -> None:
        ids = (SERVER, "22222222-0000-4000-8000-000000000000", "33333333-0000-4000-8000-000000000000")
        self.assertEqual(sorted(Counter(self.slots(ids, 2)).values()), [1, 2])

    def test_which_of_several_is_by_chance(self) -> None:
        found = {self.slots((f"{number:08x}-0000-4000-8000-000000000000",), 4)[0] for number in range(8)}
        self.assertEqual(found, {"0", "1", "2", "3"})

    def test_a_great_number_costs_nothing(self) -> None:
        [slot] = self.slots((SERVER,), 10**12, 0, 1)
        self.assertNotIn(slot, ("0", "1"))

    def test_members_without_a_slot_of_ours_take_none(self) -> None:
        self.world.add(VM, member(OTHERS[0]))
        self.world.add(VM, member(OTHERS[1], 77))
        self.assertEqual(self.slots((SERVER,), 1), ["0"])


class RefusalTests(GroupCase):
    def test_a_group_that_is_not_there(self) -> None:
        told = f"Instance group {GROUP} could not be found."
        self.assertEqual(self.refused(), told)
        self.world.add(SERVER_GROUP, group("affinity", OTHER_NAMESPACE))
        self.assertEqual(self.refused(), told)
        self.assertEqual(self.refused(who=ADMIN), told)

    def test_one_at_a_time(self) -> None:
        self.world.add(SERVER_GROUP, group("affinity"))
        self.assertEqual(len(self.plans(hints={"group": [GROUP]})), 1)
        told = self.refused(hints={"group": [GROUP, OTHERS[0]]})
        self.assertEqual(told, f"Instance group {GROUP}, {OTHERS[0]} could not be found.")

    def test_capitals(self) -> None:
        self.world.add(SERVER_GROUP, group("affinity"))
        self.assertEqual(len(self.plans(hints={"group": GROUP.upper()})), 1)


class CompanyTests(GroupCase):
    """With a server by name too: Kubernetes looks for one Pod that meets both."""

    def setUp(self) -> None:
        super().setUp()
        self.world.add(SERVER_GROUP, group("affinity"))
        self.hints = {"group": GROUP, "same_host": [OTHERS[0]]}

    def running(self, of_group: bool) -> None:
        vm = member(OTHERS[0])
        if not of_group:
            del vm["metadata"]["labels"][LABEL]
        self.world.add(VM, vm)
        owner = [{"uid": vm["metadata"]["uid"], "controller": True}]
        meta = {"name": vm["metadata"]["name"], "namespace": NAMESPACE, "uid": "u-i", "ownerReferences": owner}
        self.world.add(VMI, {"metadata": meta, "status": {"phase": "Running", "nodeName": "n"}})

    def test_a_member(self) -> None:
        self.running(of_group=True)
        [plan] = self.plans(hints=self.hints)
        self.assertEqual(len(instance(plan)["affinity"]["podAffinity"][HARD]), 2)

    def test_another_where_there_are_no_members(self) -> None:
        self.running(of_group=False)
        [plan] = self.plans(hints=self.hints)
        [only] = instance(plan)["affinity"]["podAffinity"][HARD]
        self.assertIn("matchExpressions", only["labelSelector"])
        self.assertEqual(machine(plan)["metadata"]["labels"][LABEL], GROUP)

    def test_another_where_there_are_members(self) -> None:
        self.running(of_group=False)
        self.world.add(VM, member(OTHERS[1]))
        self.assertIn("No valid host was found", self.refused(hints=self.hints))


class QuotaTests(GroupCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.add(SERVER_GROUP, group("affinity"))
        self.key = f"server_group_members {GROUP} {USER}"

    def test_members_are_counted_by_user(self) -> None:
        self.world.add(VM, member(OTHERS[0]))
        self.world.add(VM, member(OTHERS[1], user="7" * 32))
        reserve = self.plans()[0].reserve
        self.assertEqual((reserve.amounts[self.key], reserve.used[self.key], reserve.limits[self.key]), (1, 1, 10))
        self.assertEqual((reserve.firm, reserve.used["instances"]), (frozenset({self.key}), 2))

    def test_what_is_told(self) -> None:
        reserve = self.plans((SERVER, OTHERS[0]), min_count=2, max_count=3)[0].reserve
        taken = {"instances": 0, "cores": 0, "ram": 0, self.key: 9}
        fault = reserve.refuse(taken)
        self.assertIsInstance(fault, Forbidden)
        self.assertEqual(str(fault), "Quota exceeded, too many servers in group")
        self.assertIn("Quota exceeded for instances", str(reserve.refuse(taken | {"instances": 9})))

    def test_only_members_may_have_a_limit(self) -> None:
        config = Config(quota={**QUOTA_DEFAULTS, "instances": -1, "cores": -1, "ram": -1})
        self.world = furnished(config)
        self.world.add(SERVER_GROUP, group("affinity"))
        reserve = self.plans()[0].reserve
        self.assertEqual(reserve.limits[self.key], 10)

    def test_or_none(self) -> None:
        self.world = furnished(Config(quota={}))
        self.world.add(SERVER_GROUP, group("affinity"))
        self.assertIsNone(self.plans()[0].reserve)
