"""Flavors over HTTP's other side."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE
from dicot.compute.flavor import EXTRA_SPEC, FLAVORS
from dicot.faults import BadRequest, NotFound
from tests.bench import ADMIN, Workbench


def instancetype(name: str, cpu: int, memory: str, spec: str = "", **meta: str) -> dict[str, Any]:
    notes = {"dicot.io/flavor-spec": spec} if spec else {}
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-11-21T10:00:00Z", "annotations": notes}
    return {"metadata": metadata | meta, "spec": {"cpu": {"guest": cpu}, "memory": {"guest": memory}}}


TINY = instancetype("m1.tiny", 1, "512Mi", '{"id": "1", "disk": 1}')
SMALL = instancetype("m1.small", 1, "2Gi", '{"id": "2", "disk": 20, "swap": 64, "extraSpecs": {"hw:x": "y"}}')
FOREIGN = instancetype("u1.nano", 1, "512Mi")
BROKEN = instancetype("nothing", 0, "512Mi", '{"id": "3"}')
OWN = instancetype("own", 2, "1Gi", '{"id": "4", "disk": 5}', namespace="demo")
OTHERS = instancetype("others", 2, "1Gi", '{"id": "5"}', namespace="elsewhere")
OBJECTS = {CLUSTER_INSTANCETYPE: [TINY, SMALL, FOREIGN, BROKEN], INSTANCETYPE: [OWN, OTHERS]}


class FlavorTests(SynchronousTestCase):
    """N-26."""

    def setUp(self) -> None:
        self.bench = Workbench(FLAVORS, OBJECTS)

    def body(self, url: str, **asked: Any) -> Any:
        return self.successResultOf(self.bench.ask("GET", url, **asked)).body

    def ids(self, **query: list[str]) -> list[str]:
        return [flavor["id"] for flavor in self.body("/flavors", query=query)["flavors"]]

    def refusal(self, fault: type[Any], url: str, **asked: Any) -> str:
        return str(self.failureResultOf(self.bench.ask("GET", url, **asked), fault).value)

    def test_lists_public_ones_and_those_of_the_project(self) -> None:
        self.assertEqual(self.ids(), ["1", "2", "4", "uid-u1.nano"])

    def test_one_without_processors_is_none(self) -> None:
        self.assertNotIn("3", self.ids())

    def test_document_at_the_base_version(self) -> None:
        flavor = self.body("/flavors/<id>", id="2")["flavor"]
        links = flavor.pop("links")
        self.assertEqual(links[0], {"rel": "self", "href": "http://127.0.0.1:5000/compute/v2.1/flavors/2"})
        self.assertEqual(
            flavor,
            {
                "id": "2",
                "name": "m1.small",
                "ram": 2048,
                "disk": 20,
                "swap": 64,
                "vcpus": 1,
                "rxtx_factor": 1.0,
                "OS-FLV-EXT-DATA:ephemeral": 0,
                "OS-FLV-DISABLED:disabled": False,
                "os-flavor-access:is_public": True,
            },
        )

    def test_steps_of_the_document(self) -> None:
        keys = {
            version: set(self.body("/flavors/<id>", id="1", version=version)["flavor"])
            for version in ((2, 54), (2, 55), (2, 61), (2, 102))
        }
        self.assertEqual(keys[(2, 55)] - keys[(2, 54)], {"description"})
        self.assertEqual(keys[(2, 61)] - keys[(2, 55)], {"extra_specs"})
        self.assertEqual(keys[(2, 61)] - keys[(2, 102)], {"OS-FLV-DISABLED:disabled", "rxtx_factor"})

    def test_no_swap_is_empty_text_then_zero(self) -> None:
        self.assertEqual(self.body("/flavors/<id>", id="1")["flavor"]["swap"], "")
        self.assertEqual(self.body("/flavors/<id>", id="1", version=(2, 75))["flavor"]["swap"], 0)

    def test_an_unknown_one_is_not_found(self) -> None:
        self.assertEqual(self.refusal(NotFound, "/flavors/<id>", id="9"), "Flavor 9 could not be found.")

    def test_one_of_another_project_is_not_found(self) -> None:
        self.assertEqual(self.refusal(NotFound, "/flavors/<id>", id="5"), "Flavor 5 could not be found.")

    def test_filters(self) -> None:
        self.assertEqual(self.ids(minRam=["1024"]), ["2", "4"])
        self.assertEqual(self.ids(minDisk=["5"], minRam=["1"]), ["2", "4"])
        self.assertEqual(self.refusal(BadRequest, "/flavors", query={"minRam": ["x"]}), "Invalid minRam filter [x]")

    def test_publicity_is_for_admins_to_ask(self) -> None:
        self.assertEqual(self.ids(is_public=["False"]), ["1", "2", "4", "uid-u1.nano"])
        found = self.body("/flavors", query={"is_public": ["False"]}, caller=ADMIN)["flavors"]
        self.assertEqual([flavor["id"] for flavor in found], ["4"])
        said = self.refusal(BadRequest, "/flavors", query={"is_public": ["maybe"]}, caller=ADMIN)
        self.assertEqual(said, "Invalid is_public filter [maybe]")

    def test_none_asks_for_all(self) -> None:
        found = self.body("/flavors/detail", query={"is_public": ["None"]}, caller=ADMIN)["flavors"]
        self.assertEqual(len(found), 4)

    def test_sorts(self) -> None:
        self.assertEqual(self.ids(sort_key=["memory_mb"], sort_dir=["desc"])[0], "2")
        self.assertIn("is not one of", self.refusal(BadRequest, "/flavors", query={"sort_key": ["colour"]}))

    def test_pages(self) -> None:
        body = self.body("/flavors", query={"limit": ["2"]})
        self.assertEqual([flavor["id"] for flavor in body["flavors"]], ["1", "2"])
        self.assertEqual(
            body["flavors_links"],
            [{"rel": "next", "href": "http://127.0.0.1:5000/compute/v2.1/flavors?limit=2&marker=2"}],
        )
        self.assertEqual(self.ids(marker=["2"], limit=["1"]), ["4"])
        self.assertEqual(self.refusal(BadRequest, "/flavors", query={"marker": ["9"]}), "marker [9] not found")
        self.assertIn("does not match", self.refusal(BadRequest, "/flavors", query={"limit": ["-1"]}))

    def test_unknown_parameters_are_refused_from_2_75_on(self) -> None:
        self.assertEqual(len(self.ids(colour=["red"])), 4)
        said = self.refusal(BadRequest, "/flavors", query={"colour": ["red"]}, version=(2, 75))
        self.assertIn("Additional properties are not allowed ('colour' was unexpected)", said)

    def test_what_2_102_took_away_sorts_no_longer(self) -> None:
        query = {"sort_key": ["rxtx_factor"]}
        self.assertEqual(len(self.body("/flavors", query=query, version=(2, 101))["flavors"]), 4)
        self.assertIn("is not one of", self.refusal(BadRequest, "/flavors", query=query, version=(2, 102)))

    def test_names_are_asked_from_2_102_on(self) -> None:
        found = self.body("/flavors", query={"name": ["m1"]}, version=(2, 102))["flavors"]
        self.assertEqual([flavor["name"] for flavor in found], ["m1.tiny", "m1.small"])
        self.assertEqual(len(self.ids(name=["m1"])), 4)


class ExtraSpecTests(SynchronousTestCase):
    """N-27."""

    def setUp(self) -> None:
        self.bench = Workbench(EXTRA_SPEC, OBJECTS)

    def test_all_and_one(self) -> None:
        reply = self.successResultOf(self.bench.ask("GET", "/flavors/<id>/os-extra_specs", id="2"))
        self.assertEqual(reply.body, {"extra_specs": {"hw:x": "y"}})
        reply = self.successResultOf(self.bench.ask("GET", "/flavors/<id>/os-extra_specs/<key>", id="2", key="hw:x"))
        self.assertEqual(reply.body, {"hw:x": "y"})

    def test_an_unknown_key(self) -> None:
        asked = self.bench.ask("GET", "/flavors/<id>/os-extra_specs/<key>", id="2", key="z")
        self.assertEqual(str(self.failureResultOf(asked, NotFound).value), "Flavor 2 has no extra specs with key z.")
