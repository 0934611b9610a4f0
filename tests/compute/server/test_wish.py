"""What a body says wrong in itself."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.compute.server import wish
from dicot.compute.server.schema import HINTS, create_schema
from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.config import Config
from dicot.faults import BadRequest, Fault, Forbidden

from .objects import NOW, PORT_ID, SERVER
from .planned import body, machine, plan
from .world import furnished


class BodyTests(SynchronousTestCase):
    def refused(self, kind: type[Fault], message: str, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, **more).message, message)

    def test_counts(self) -> None:
        self.refused(BadRequest, "min_count must be <= max_count", min_count=3, max_count=2)
        self.refused(
            BadRequest, "Unable to allocate a single hostname to multiple instances", max_count=2, hostname="ab"
        )

    def test_an_image_is_needed(self) -> None:
        for value in ("", ...):
            self.refused(BadRequest, "Missing imageRef attribute", imageRef=value)

    def test_networks_are_needed_from_2_37(self) -> None:
        fault = self.assertRaises(BadRequest, plan, networks=..., minor=37)
        self.assertTrue(fault.message.endswith("'networks' is a required property"))

    def test_networks_by_their_form(self) -> None:
        self.refused(
            BadRequest,
            f"Port ID '{PORT_ID}' was specified twice: you cannot attach a port multiple times.",
            networks=[{"port": PORT_ID}, {"port": PORT_ID}],
        )
        self.refused(
            BadRequest,
            f"Specified Fixed IP '10.0.0.1' cannot be used with port '{PORT_ID}': "
            "the two cannot be specified together.",
            networks=[{"port": PORT_ID, "fixed_ip": "10.0.0.1"}],
        )
        self.refused(BadRequest, "Bad network format: missing 'uuid'", networks=[{}])
        self.refused(
            BadRequest,
            "Bad networks format: network uuid is not in proper format (x)",
            networks=[{"uuid": "x"}],
            minor=36,
        )

    def test_what_is_not_served_is_refused_and_not_forgotten(self) -> None:
        self.refused(
            Forbidden,
            "Personality file limit exceeded",
            personality=[{"path": "/x", "contents": ""}],
            minor=56,
        )
        self.refused(
            BadRequest,
            "Image certificate validation is not supported when booting from volume",
            trusted_image_certificates=["c"],
        )

    def test_hints_that_mean_nothing_are_kept(self) -> None:
        wanted = new_server(94)(body() | {"OS-SCH-HNT:scheduler_hints": {"foo": "bar", "_nova_own": "x"}})
        [made] = create(wanted, furnished().known(), (SERVER,), "r", "req", NOW)
        note = json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"])
        self.assertEqual(note["hints"], {"foo": "bar"})

    def test_before_2_19_a_server_is_described_by_its_name(self) -> None:
        for minor, expected in ((18, "web1"), (19, None)):
            self.assertEqual(new_server(minor)(body(networks=...)).description, expected)

    def test_any_text_that_asks_for_a_reservation_does(self) -> None:
        for said, wanted in (("False", True), ("0", True), (True, True), (False, False), (..., False)):
            self.assertEqual(new_server(94)(body(return_reservation_id=said)).wants_reservation, wanted)

    def test_a_line_break_is_no_number(self) -> None:
        self.refused(BadRequest, "Invalid input for field/attribute max_count. Value: \n.", max_count="\n")
        self.assertEqual(new_server(94)(body(max_count="2\n")).most, 2)

    def test_addresses_are_kept_in_their_shortest_form(self) -> None:
        for said, kept in (("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::ffff:a00:1", "::ffff:10.0.0.1")):
            self.assertEqual(new_server(94)(body(accessIPv6=said)).access_v6, kept)

    def test_a_flavor_that_is_no_address(self) -> None:
        self.refused(BadRequest, "Flavor http://[::1 could not be found.", flavorRef="http://[::1")

    def test_every_field_is_accounted_for(self) -> None:
        """The table in the module says what becomes of each."""
        server = create_schema(104)["properties"]["server"]["properties"]
        fields = {*server, *create_schema(56)["properties"]["server"]["properties"], *HINTS["properties"]}
        fields |= set(server["block_device_mapping"]["items"]["properties"])
        fields |= set(server["block_device_mapping_v2"]["items"]["properties"])
        fields |= set(server["networks"]["oneOf"][0]["items"]["properties"])
        self.assertEqual([field for field in sorted(fields) if f"``{field}``" not in (wish.__doc__ or "")], [])

    def test_metadata_has_its_bounds(self) -> None:
        self.refused(
            Forbidden,
            "Maximum number of metadata items exceeds 128",
            metadata={str(number): "" for number in range(129)},
        )
        great = {f"{number:0255d}": "\x01" * 255 for number in range(300)}
        with self.assertRaises(BadRequest) as refused:
            plan(furnished(Config(quota={})), metadata=great)
        self.assertTrue(refused.exception.message.startswith("Invalid metadata size"))

    def test_forced_hosts_by_two_ways(self) -> None:
        self.refused(
            BadRequest,
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
            "mutually exclusive.",
            availability_zone="a:b",
            host="c",
        )
        self.refused(
            BadRequest, "Invalid input received: Unable to parse availability_zone", availability_zone="a:b:c:d"
        )
