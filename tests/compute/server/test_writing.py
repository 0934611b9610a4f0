"""Servers made, changed and removed."""

import json
from typing import Any

from dicot.cloud.kinds.kubevirt import NODE, VM
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.cloud.plan import Create, Delete, Patch, Step
from dicot.compute.kinds import SERVER_LOG
from dicot.compute.server.routes import routes
from dicot.compute.server.secrets import password, reservation_id
from dicot.config import Config
from dicot.faults import BadRequest, Conflict, Forbidden, NotFound
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.kube.media import JSON_PATCH
from dicot.web.call import Reply
from dicot.web.dialect import Version
from tests.bench import Operations, Plans

from .objects import (
    IMAGE,
    NAMESPACE,
    OTHER_NAMESPACE,
    SERVER,
    image_object,
    node_object,
    recorded,
    volume_claim,
    volume_object,
)
from .served import LATEST, Served
from .world import ADMIN, bench_of, payload


class CreateTests(Served):
    def body(self, **more: Any) -> Any:
        return {"server": {"name": "web1", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", **more}}

    def create(self, **more: Any) -> Reply:
        return self.ask("POST", "/servers", self.body(**more))

    def test_the_answer(self) -> None:
        reply = self.create()
        server = payload(reply)["server"]
        id = self.applied().id
        self.assertEqual(reply.code, 202)
        self.assertEqual(reply.headers, {"Location": f"https://cloud.example/compute/v2.1/servers/{id}"})
        self.assertRegex(server.pop("adminPass"), r"^[2-9][A-Z][a-z][A-Za-z2-9]{9}$")
        self.assertEqual(
            server,
            {
                "id": id,
                "links": [
                    {"rel": "self", "href": f"https://cloud.example/compute/v2.1/servers/{id}"},
                    {"rel": "bookmark", "href": f"https://cloud.example/compute/servers/{id}"},
                ],
                "OS-DCF:diskConfig": "MANUAL",
                "security_groups": [{"name": "default"}],
            },
        )

    def test_volumes_and_snapshots_that_the_cache_misses_are_looked_for(self) -> None:
        """Once each, where the id has the form of one."""
        for source, id in (("volume", SERVER), ("snapshot", IMAGE), ("volume", "odd"), ("image", IMAGE)):
            device = {"source_type": source, "destination_type": "volume", "uuid": id, "boot_index": 0}
            self.assertRaises(BadRequest, self.create, imageRef="", block_device_mapping_v2=[device])
        self.assertEqual(self.pages.missed, [SERVER, IMAGE])

    def test_what_was_given_comes_back(self) -> None:
        server = payload(self.create(adminPass="secret", security_groups=[{"name": "default"}]))["server"]
        self.assertEqual((server["adminPass"], server["security_groups"]), ("secret", [{"name": "default"}]))
        self.assertNotIn("secret", str(self.applied()))

    def test_groups_come_back_as_they_were_said(self) -> None:
        cases: list[list[dict[str, str]]] = [[], [{}], [{"name": "default"}, {"name": "default"}]]
        for said in cases:
            self.plans.applied.clear()
            self.assertEqual(payload(self.create(security_groups=said))["server"]["security_groups"], said)

    def test_the_image_says_how_its_disk_is_partitioned(self) -> None:
        spec = json.dumps({"properties": {"auto_disk_config": "yes"}})
        self.world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": spec}))
        for more, expected in (({}, "AUTO"), ({"OS-DCF:diskConfig": "MANUAL"}, "MANUAL")):
            self.plans.applied.clear()
            self.assertEqual(payload(self.create(**more))["server"]["OS-DCF:diskConfig"], expected)
        spec = json.dumps({"properties": {"auto_disk_config": "disabled"}})
        self.world.add(DATA_SOURCE, image_object(**{"dicot.io/image-spec": spec}))
        self.refused(
            BadRequest,
            f"Requested image {IMAGE} has automatic disk resize disabled.",
            "POST",
            "/servers",
            self.body(**{"OS-DCF:diskConfig": "AUTO"}),
        )

    def test_several(self) -> None:
        reply = self.create(min_count=2, max_count=3, return_reservation_id=True)
        self.assertEqual(len(self.plans.applied), 3)
        [reservation] = {
            machine(plan.commit)["metadata"]["annotations"]["dicot.io/reservation-id"] for plan in self.plans.applied
        }
        self.assertEqual(payload(reply), {"reservation_id": reservation})

    def test_the_first_that_was_made_is_shown(self) -> None:
        self.plans.committed = ["00000002-0000-4000-8000-000000000000"]
        self.assertEqual(payload(self.create(max_count=3))["server"]["id"], self.plans.committed[0])

    def test_no_more_than_the_quota_could_hold_are_tried(self) -> None:
        self.create(max_count=1_000_000)
        self.assertEqual(len(self.plans.applied), 10)

    def test_more_than_the_quota_could_hold(self) -> None:
        self.refused(
            Forbidden,
            "Quota exceeded for cores, instances: Requested 22, 11, but already used 0, 0 of 20, 10 cores, instances",
            "POST",
            "/servers",
            self.body(min_count=11),
        )

    def test_without_a_limit_there_is_still_one(self) -> None:
        self.world.config = Config(public_url="https://cloud.example", quota={})
        table, plans = Operations(), Plans()
        routes(bench_of(self.world, table, self.pages, plans))
        self.table = table
        self.create(max_count=1001)
        self.assertEqual(len(plans.applied), 1000)

    def test_words_of_chance(self) -> None:
        first, second = SERVER, SERVER.replace("1", "2")
        self.assertEqual(len({password(first), password(second)}), 2)
        self.assertEqual(len(password(first)), 12)
        self.assertRegex(reservation_id(first), r"^r-[0-9a-z]{8}$")


def machine(step: Step) -> Any:
    assert isinstance(step, Create)
    return step.body


class UpdateTests(Served):
    def update(self, row: Row, version: Version = LATEST, **named: Any) -> Any:
        reply = self.ask("PUT", "/servers/<id>", {"server": named}, id=row.id, version=version)
        return payload(reply)["server"]

    def sent(self) -> Patch:
        commit = self.applied().commit
        assert isinstance(commit, Patch)
        return commit

    def test_a_name_and_a_description(self) -> None:
        row = self.place()
        self.update(row, name="web2", description="words")
        self.assertEqual(
            self.sent(),
            Patch(
                VM,
                NAMESPACE,
                row.name,
                {
                    "metadata": {
                        "annotations": {
                            "dicot.io/updated-at": "2026-11-21T10:00:00Z",
                            "dicot.io/name": "web2",
                            "dicot.io/description": "words",
                        }
                    }
                },
            ),
        )

    def test_a_description_is_removed(self) -> None:
        self.update(self.place(), description=None)
        self.assertIsNone(self.sent().body["metadata"]["annotations"]["dicot.io/description"])  # type: ignore[call-overload]

    def test_fields_that_share_an_annotation_are_guarded(self) -> None:
        row = self.place()
        self.update(row, accessIPv4="1.2.3.4", hostname="New.example")
        patch = self.sent()
        assert isinstance(patch.body, dict)
        note = json.loads(patch.body["metadata"]["annotations"]["dicot.io/server"])
        self.assertEqual((note["accessIPv4"], note["hostname"]), ("1.2.3.4", "New.example"))
        self.assertEqual(patch.body["spec"], {"template": {"spec": {"hostname": "new"}}})
        self.assertEqual(patch.version, row.version)

    def test_the_answer_grew_with_the_version(self) -> None:
        row = self.place()
        old = self.update(row, (2, 74), name="x")
        for key in ("OS-EXT-AZ:availability_zone", "key_name", "OS-EXT-STS:vm_state", "security_groups"):
            self.assertNotIn(key, old)
        self.assertEqual(set(old["addresses"]["private"][0]), {"version", "addr"})
        self.plans.applied.clear()
        self.assertIn("key_name", self.update(row, (2, 75), name="x"))

    def test_a_zone_is_unpinned(self) -> None:
        note = json.dumps({"zone": "az-1", "hostname": "web1"})
        row = self.place(**{"dicot.io/server": note})
        self.update(row, pinned_availability_zone=None)
        body = self.sent().body
        assert isinstance(body, dict)
        self.assertNotIn("zone", json.loads(body["metadata"]["annotations"]["dicot.io/server"]))

    def test_a_server_is_pinned_only_to_where_it_is(self) -> None:
        row = self.place()
        self.update(row, pinned_availability_zone="nova")
        self.refused(
            Conflict,
            "Server can only be pinned to its current availability zone 'nova', but 'moon' was requested.",
            "PUT",
            "/servers/<id>",
            {"server": {"pinned_availability_zone": "moon"}},
            id=row.id,
            version=LATEST,
        )
        pinned = self.place(name="other", **{"dicot.io/server": '{"zone": "az-1"}'})
        self.refused(
            Conflict,
            "Cannot change pinned availability zone directly. "
            "Unpin first by setting pinned_availability_zone to null.",
            "PUT",
            "/servers/<id>",
            {"server": {"pinned_availability_zone": "nova"}},
            id=pinned.id,
            version=LATEST,
        )

    def test_pinning_to_a_zone_by_name_selects_nodes(self) -> None:
        row = self.place()
        node = recorded("running")["vmi"]["status"]["nodeName"]
        self.world.add(NODE, node_object(node, zone="az-1"))
        self.update(row, pinned_availability_zone="az-1")
        body = self.sent().body
        assert isinstance(body, dict)
        self.assertEqual(body["spec"]["template"]["spec"], {"nodeSelector": {"topology.kubernetes.io/zone": "az-1"}})

    def test_one_that_vanished_meanwhile(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.assertRaises(NotFound, self.update, row, name="x")


class DeleteTests(Served):
    def deleted(self) -> Any:
        """The commit of the second of two plans: the first keeps the server's log."""
        log, plan = self.plans.applied
        assert isinstance(log.commit, Create)
        self.assertEqual((log.commit.kind, log.id, plan.binds), (SERVER_LOG, plan.id, ()))
        return plan.commit

    def test_by_its_uid(self) -> None:
        row = self.place()
        reply = self.ask("DELETE", "/servers/<id>", id=row.id)
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual(self.deleted(), Delete(VM, NAMESPACE, row.name, row.uid))

    def owned(self, row: Row) -> list[Step]:
        """What is done to volumes before a machine goes."""
        self.ask("DELETE", "/servers/<id>", id=row.id)
        _, plan = self.plans.applied
        self.assertEqual(plan.commit, Delete(VM, NAMESPACE, row.name, row.uid))
        return list(plan.binds)

    def with_volume(self, note: str, **meta: Any) -> Row:
        """A server beside which a volume exists that has other owners, and one that is a claim alone."""
        data = volume_object("data", IMAGE)
        data["metadata"] |= {"resourceVersion": "99", **meta}
        self.world.add(DATA_VOLUME, data)
        self.world.add(PVC, volume_claim("bare", IMAGE))
        row = self.place(**{"dicot.io/server": note})
        vm = json.loads(json.dumps(recorded("running")["vm"]))
        vm["metadata"] |= {
            "name": row.name,
            "namespace": NAMESPACE,
            "uid": row.uid,
            "labels": {"dicot.io/id": row.id},
            "annotations": {"dicot.io/server": note},
        }
        vm["spec"]["template"]["spec"]["volumes"] += [
            {"name": "v1", "dataVolume": {"name": "data"}},
            {"name": "v2", "persistentVolumeClaim": {"claimName": "bare"}},
            {"name": "v3", "persistentVolumeClaim": {"claimName": "gone"}},
        ]
        return self.world.add(VM, vm)

    def test_volumes_that_go_with_it_belong_to_it_first(self) -> None:
        row = self.with_volume('{"deletes": ["v1", "v2", "v3", "v9"]}')
        owner = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": row.name, "uid": row.uid}
        first = {"op": "add", "path": "/metadata/ownerReferences", "value": [owner]}
        further = {"op": "add", "path": "/metadata/ownerReferences/-", "value": owner}
        self.assertEqual(
            self.owned(row),
            [
                Patch(DATA_VOLUME, NAMESPACE, "data", [first], version="99", media=JSON_PATCH),
                Patch(PVC, NAMESPACE, "bare", [further], version="88", media=JSON_PATCH),
            ],
        )

    def test_other_volumes_stay_as_they_are(self) -> None:
        self.assertEqual(self.owned(self.with_volume("{}")), [])

    def test_a_volume_that_belongs_to_it_already(self) -> None:
        uid = self.with_volume("{}").uid
        row = self.with_volume('{"deletes": ["v1"]}', ownerReferences=[{"uid": uid}])
        self.assertEqual(self.owned(row), [])

    def test_twice(self) -> None:
        row = self.place("terminating")
        self.assertEqual(self.ask("DELETE", "/servers/<id>", id=row.id).code, 204)
        self.assertEqual(self.plans.applied, [])

    def test_one_that_is_locked(self) -> None:
        row = self.place(**{"dicot.io/lock": "{}"})
        self.refused(Conflict, f"Instance {row.id} is locked", "DELETE", "/servers/<id>", id=row.id)
        self.assertEqual(self.plans.applied, [])

    def test_one_that_is_gone(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")] * 2
        self.refused(NotFound, f"Instance {row.id} could not be found.", "DELETE", "/servers/<id>", id=row.id)

    def test_one_whose_log_cannot_be_kept(self) -> None:
        """It goes all the same, and says so itself until it is gone."""
        row = self.place()
        self.plans.refuse = [errors.Missing(404, "NotFound", "no such kind")]
        self.assertEqual(self.ask("DELETE", "/servers/<id>", id=row.id).code, 204)
        _, plan = self.plans.applied
        self.assertEqual(plan.commit, Delete(VM, NAMESPACE, row.name, row.uid))
        [note] = plan.binds
        self.assertIn("dicot.io/action-req-1", str(note.body))

    def test_by_an_administrator_of_another_project(self) -> None:
        row = self.place(name="theirs", namespace=OTHER_NAMESPACE)
        self.ask("DELETE", "/servers/<id>", id=row.id, who=ADMIN)
        self.assertEqual(self.deleted(), Delete(VM, OTHER_NAMESPACE, row.name, row.uid))
        log = self.plans.applied[0].commit
        assert isinstance(log, Create)
        self.assertEqual(log.body["metadata"]["namespace"], OTHER_NAMESPACE)
