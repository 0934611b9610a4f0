"""What servers have used of a period."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.compute.kinds import SERVER_LOG
from dicot.compute.server.resource import SERVERS
from dicot.faults import BadRequest, Forbidden
from tests.bench import ADMIN, MEMBER, PROJECT, Workbench

URL = "/os-simple-tenant-usage"
NOW = datetime.fromtimestamp(1_795_000_000, UTC)
"""The workbench's clock."""
HOUR = timedelta(hours=1)
OTHER = "9" * 32


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def machine(number: int, ago: timedelta | None = HOUR, namespace: str = "demo", **notes: str) -> dict[str, Any]:
    flavor = '{"id": "2", "name": "m1.small", "vcpus": 2, "ram": 2048, "disk": 20, "ephemeral": 5}'
    told = {"dicot.io/flavor": flavor, "dicot.io/name": f"web{number}", **notes}
    if ago is not None:
        told["dicot.io/launched-at"] = written(NOW - ago) + "Z"
    meta = {"name": f"web{number}", "namespace": namespace, "uid": f"u-{namespace}-{number}", "annotations": told}
    meta["labels"] = {"dicot.io/id": id_of(number)}
    meta["creationTimestamp"] = "2026-11-18T09:00:00Z"
    return {
        "metadata": meta,
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {}}}},
        "status": {"printableStatus": "Stopped"},
    }


def left(
    number: int, ago: timedelta = HOUR, gone: timedelta = timedelta(), namespace: str = "demo", **said: Any
) -> Any:
    """The log of a server that was deleted so long ago."""
    usage = {"flavor": "m1.small", "vcpus": 2, "memoryMb": 2048, "localGb": 25}
    times = {"startedAt": f"{written(NOW - ago)}Z", "endedAt": f"{written(NOW - gone)}Z"}
    meta: dict[str, Any] = {"name": f"web{number}.u", "namespace": namespace, "uid": f"l-{namespace}-{number}"}
    meta |= {"labels": {"dicot.io/id": id_of(number)}, "creationTimestamp": "2026-11-18T09:00:00Z"}
    spec = {"serverId": id_of(number), "name": f"web{number}", "usage": {**usage, **times, **said}}
    return {"metadata": meta, "spec": spec}


WEB1 = {
    "instance_id": id_of(1),
    "name": "web1",
    "tenant_id": PROJECT,
    "flavor": "m1.small",
    "vcpus": 2,
    "memory_mb": 2048,
    "local_gb": 25,
}
"""What is told of the first server, whatever becomes of it."""


class UsageCase(SynchronousTestCase):
    def start(self, *machines: dict[str, Any], logs: Sequence[Any] = ()) -> None:
        self.bench = Workbench(SERVERS, {VM: machines, SERVER_LOG: logs})

    def ask(self, id: str = "", version: tuple[int, int] = (2, 40), **asked: Any) -> Any:
        url = f"{URL}/<id>" if id else URL
        reply = self.successResultOf(self.bench.ask("GET", url, version=version, id=id, **asked))
        return reply.body

    def usage(self, start: datetime = NOW - 10 * HOUR, end: datetime = NOW, **asked: Any) -> Any:
        query = {"start": [written(start)], "end": [written(end)]}
        return self.ask(PROJECT, query=query, **asked)["tenant_usage"]

    def refusal(self, version: tuple[int, int] = (2, 40), **query: list[str]) -> str:
        asked = self.bench.ask("GET", f"{URL}/<id>", id=PROJECT, version=version, query=query)
        return str(self.failureResultOf(asked, BadRequest).value)


class OneProjectTests(UsageCase):
    def test_a_server(self) -> None:
        self.start(machine(1))
        found = self.usage()
        self.assertEqual(
            found,
            {
                "tenant_id": PROJECT,
                "start": (NOW - 10 * HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000"),
                "stop": NOW.strftime("%Y-%m-%dT%H:%M:%S.000000"),
                "total_hours": 1.0,
                "total_vcpus_usage": 2.0,
                "total_memory_mb_usage": 2048.0,
                "total_local_gb_usage": 25.0,
                "server_usages": [
                    {
                        **WEB1,
                        "state": "stopped",
                        "started_at": (NOW - HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000"),
                        "ended_at": None,
                        "hours": 1.0,
                        "uptime": 3600,
                    }
                ],
            },
        )

    def test_only_what_lies_in_the_period_counts(self) -> None:
        self.start(machine(1, 5 * HOUR), machine(2, HOUR))
        found = self.usage(NOW - 4 * HOUR, NOW - 2 * HOUR)
        self.assertEqual((found["total_hours"], len(found["server_usages"])), (2.0, 1))
        self.assertEqual(found["server_usages"][0]["uptime"], 5 * 3600)

    def test_a_period_ends_now_at_the_latest(self) -> None:
        self.start(machine(1))
        found = self.usage(end=NOW + 5 * HOUR)
        self.assertEqual((found["total_hours"], found["stop"]), (1.0, NOW.strftime("%Y-%m-%dT%H:%M:%S.000000")))

    def test_a_period_that_is_still_to_come(self) -> None:
        self.start(machine(1))
        self.assertEqual(self.usage(NOW + HOUR, NOW + 2 * HOUR)["total_hours"], 0.0)

    def test_what_never_ran_is_not_there(self) -> None:
        self.start(machine(1, None), machine(2, None, **{"dicot.io/launched-at": "long ago"}))
        self.assertEqual(self.usage(), {})

    def test_without_a_period_it_is_this_moment(self) -> None:
        self.start(machine(1))
        found = self.ask(PROJECT)["tenant_usage"]
        self.assertEqual((found["total_hours"], found["start"]), (0.0, found["stop"]))

    def test_forms_of_times(self) -> None:
        self.start(machine(1))
        for start in ("2026-01-01T00:00:00", "2026-01-01T00:00:00.5", "2026-01-01 00:00:00.000001", ""):
            self.ask(PROJECT, query={"start": [start]})
        for start in (
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "yesterday",
            "2026-01-01 00:00:00",
            "10000-01-01T00:00:00",
        ):
            self.assertEqual(
                self.refusal(start=[start]), "Invalid datetime string: Datetime is in invalid format", start
            )

    def test_a_period_goes_forwards(self) -> None:
        self.start(machine(1))
        told = "Invalid start time. The start time cannot occur after the end time."
        self.assertEqual(self.refusal(start=["2026-01-02T00:00:00"], end=["2026-01-01T00:00:00"]), told)
        self.assertEqual(self.refusal(start=["2026-01-02T00:00:00"], end=["2026-01-02T00:00:00"]), told)

    def test_the_first_and_the_last_time(self) -> None:
        self.start(machine(1))
        query = {"start": ["0001-01-01T00:00:00"], "end": ["9999-12-31T23:59:59"]}
        self.assertEqual(self.ask(PROJECT, query=query)["tenant_usage"]["total_hours"], 1.0)
        for year in ("0001", "0999", "1969"):
            query = {"start": ["0001-01-01T00:00:00"], "end": [f"{year}-12-31T23:59:59"]}
            self.assertEqual(self.ask(PROJECT, query=query)["tenant_usage"], {}, year)

    def test_other_projects_are_for_admins(self) -> None:
        self.start(machine(1))
        refused = self.failureResultOf(self.bench.ask("GET", f"{URL}/<id>", id=OTHER), Forbidden)
        self.assertEqual(
            str(refused.value), "Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed."
        )
        self.assertEqual(self.ask(OTHER, caller=ADMIN), {"tenant_usage": {}})
        elsewhere = replace(ADMIN, project=OTHER, namespace="else")
        self.assertEqual(len(self.ask(PROJECT, caller=elsewhere)["tenant_usage"]["server_usages"]), 1)


class DeletedTests(UsageCase):
    """Servers that are gone, as long as their logs are kept."""

    def test_one(self) -> None:
        self.start(logs=[left(1, 5 * HOUR, 2 * HOUR)])
        [found] = self.usage()["server_usages"]
        self.assertEqual(
            found,
            {
                **WEB1,
                "state": "terminated",
                "started_at": (NOW - 5 * HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000"),
                "ended_at": (NOW - 2 * HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000"),
                "hours": 3.0,
                "uptime": 3 * 3600,
            },
        )

    def test_sums_are_of_all(self) -> None:
        self.start(machine(1), logs=[left(2, 5 * HOUR, 2 * HOUR)])
        found = self.usage()
        self.assertEqual((found["total_hours"], found["total_vcpus_usage"]), (4.0, 8.0))

    def test_only_what_lies_in_the_period_counts(self) -> None:
        self.start(logs=[left(1, 5 * HOUR, 2 * HOUR)])
        for start, end, hours in ((4, 3, 1.0), (6, 4, 1.0), (3, 0, 1.0), (2, 0, None), (9, 5, None)):
            found = self.usage(NOW - start * HOUR, NOW - end * HOUR)
            self.assertEqual(found.get("total_hours"), hours, (start, end))

    def test_one_that_is_still_there_counts_once(self) -> None:
        self.start(machine(1), logs=[left(1)])
        [found] = self.usage()["server_usages"]
        self.assertEqual((found["state"], found["ended_at"]), ("stopped", None))

    def test_one_that_never_ran_and_a_log_that_tells_nothing(self) -> None:
        self.start(logs=[left(1, startedAt=""), left(2, startedAt="x"), left(3, endedAt=""), left(4, usage=None)])
        self.assertEqual([each["name"] for each in self.usage()["server_usages"]], ["web4"])

    def test_those_of_other_projects_are_not_seen(self) -> None:
        self.start(logs=[left(1)])
        self.bench.ground.project("else", OTHER)
        self.bench.ground.tell(SERVER_LOG, "ADDED", left(2, namespace="else"))
        self.bench.ground.clock.advance(1)
        query = {"start": [written(NOW - HOUR)], "detailed": ["1"]}
        seen = [each["name"] for each in self.ask(PROJECT, query=query)["tenant_usage"]["server_usages"]]
        self.assertEqual(seen, ["web1"])
        listed = self.ask(query=query, caller=ADMIN)["tenant_usages"]
        self.assertEqual([each["tenant_id"] for each in listed], [PROJECT, OTHER])

    def test_pages_go_through_both(self) -> None:
        gone = [left(number) for number in (2, 3, 5)]
        self.start(*(machine(number) for number in (1, 4, 6)), logs=gone)
        for limit in (1, 2, 3, 4):
            names: list[str] = []
            query = {"start": [written(NOW - 10 * HOUR)], "limit": [str(limit)]}
            for _ in range(6 // limit):
                body = self.ask(PROJECT, query=query)
                names += [each["name"] for each in body["tenant_usage"]["server_usages"]]
                self.assertIn(f"marker={id_of(len(names))}", body["tenant_usage_links"][0]["href"])
                query = {**query, "marker": [id_of(len(names))]}
            body = self.ask(PROJECT, query=query)
            names += [each["name"] for each in body["tenant_usage"].get("server_usages", ())]
            self.assertEqual(
                (names, body.get("tenant_usage_links")), ([f"web{n}" for n in range(1, 7)], None), str(limit)
            )


class PageTests(UsageCase):
    def setUp(self) -> None:
        self.start(*(machine(number) for number in (3, 1, 2)))

    def page(self, version: tuple[int, int] = (2, 40), **query: str) -> tuple[list[str], list[str]]:
        body = self.ask(PROJECT, version, query={key: [value] for key, value in query.items()})
        servers = body["tenant_usage"].get("server_usages", ())
        links = [link["href"] for link in body.get("tenant_usage_links", ())]
        return [each["name"] for each in servers], links

    def test_by_id(self) -> None:
        self.assertEqual(self.page(), (["web1", "web2", "web3"], []))
        names, [link] = self.page(limit="2")
        self.assertEqual(names, ["web1", "web2"])
        self.assertEqual(
            link,
            f"http://127.0.0.1:5000/compute/v2.1{URL}/{PROJECT}?limit=2&marker={id_of(2)}",
        )
        self.assertEqual(self.page(limit="2", marker=id_of(2)), (["web3"], []))
        self.assertEqual(self.page(limit="0"), ([], []))

    def test_an_unknown_marker(self) -> None:
        self.assertEqual(self.refusal(marker=[id_of(9)]), f"Marker {id_of(9)} could not be found.")

    def test_before_2_40_there_are_none(self) -> None:
        self.assertEqual(self.page((2, 39), limit="1", marker="x"), (["web1", "web2", "web3"], []))

    def test_unknown_parameters(self) -> None:
        self.page((2, 74), detailed="1")
        self.assertIn("detailed", self.refusal((2, 75), detailed=["1"]))


class AllProjectsTests(UsageCase):
    def setUp(self) -> None:
        self.start(machine(1), machine(2))
        self.bench.ground.project("else", OTHER)
        self.bench.ground.tell(VM, "ADDED", machine(3, 2 * HOUR, "else"))
        self.bench.ground.clock.advance(1)

    def listed(self, caller: Caller = ADMIN, **query: str) -> Any:
        start = written(NOW - 10 * HOUR)
        return self.ask(query={"start": [start], **{key: [value] for key, value in query.items()}}, caller=caller)

    def test_sums(self) -> None:
        body = self.listed()
        self.assertEqual(
            {each["tenant_id"]: each["total_hours"] for each in body["tenant_usages"]}, {PROJECT: 2.0, OTHER: 2.0}
        )
        self.assertNotIn("server_usages", body["tenant_usages"][0])

    def test_details(self) -> None:
        found = {each["tenant_id"]: each["server_usages"] for each in self.listed(detailed="1")["tenant_usages"]}
        self.assertEqual({id: len(servers) for id, servers in found.items()}, {PROJECT: 2, OTHER: 1})
        self.assertNotIn("server_usages", self.listed(detailed="true")["tenant_usages"][0])

    def test_pages(self) -> None:
        first = self.listed(limit="2", detailed="1")
        [link] = first["tenant_usages_links"]
        self.assertEqual(link["rel"], "next")
        marker = link["href"].rpartition("marker=")[2]
        second = self.listed(limit="2", detailed="1", marker=marker)
        named = [
            server["name"]
            for body in (first, second)
            for each in body["tenant_usages"]
            for server in each["server_usages"]
        ]
        self.assertEqual(sorted(named), ["web1", "web2", "web3"])

    def test_who_may(self) -> None:
        policy = "os_compute_api:os-simple-tenant-usage"
        self.assertEqual(SERVERS.policy[f"{policy}:list"], frozenset({"admin"}))
        self.assertEqual(self.bench.routes.operations[("GET", URL)][2], f"{policy}:list")
        self.assertEqual([each["tenant_id"] for each in self.listed(MEMBER)["tenant_usages"]], [PROJECT])
