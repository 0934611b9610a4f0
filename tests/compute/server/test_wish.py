"""What a body says wrong in itself."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.compute.server.spec import create
from dicot.compute.server.wish import new_server
from dicot.config import Config
from dicot.faults import BadRequest, Fault, Forbidden

from .objects import IMAGE, NOW, PORT_ID, SERVER
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

    def test_devices(self) -> None:
        root = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}
        self.assertEqual(plan(block_device_mapping_v2=[root]), plan())
        invalid = "Block Device Mapping is Invalid: "
        for device, message in (
            (root | {"boot_index": 1}, "Mapping image to local is not supported."),
            (root | {"boot_index": None}, "Mapping image to local is not supported."),
            ({"source_type": "volume", "uuid": "v"}, "failed to get volume v."),
            ({"source_type": "snapshot", "uuid": "s"}, "failed to get snapshot s."),
            ({"source_type": "volume"}, "Missing device UUID."),
            ({"source_type": "blank", "uuid": "b"}, "Invalid device UUID."),
            (
                {"source_type": "blank", "destination_type": "local"},
                "You specified more local devices than the limit allows",
            ),
            (
                root | {"destination_type": "volume"},
                "Boot sequence for the instance and image/block device mapping combination is not valid.",
            ),
        ):
            self.refused(BadRequest, invalid + message, block_device_mapping_v2=[device])
        self.refused(
            BadRequest,
            "Using different block_device_mapping syntaxes is not allowed in the same request.",
            block_device_mapping=[{"volume_id": SERVER}],
            block_device_mapping_v2=[root],
        )
        self.refused(
            BadRequest, f"{invalid}failed to get volume {SERVER}.", block_device_mapping=[{"volume_id": SERVER}]
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
        for hint, message in (
            ({"group": SERVER}, f"Instance group {SERVER} could not be found."),
            ({"same_host": SERVER}, "Scheduler hint 'same_host' is not supported."),
        ):
            wanted = body() | {"os:scheduler_hints": hint}
            self.assertEqual(self.assertRaises(BadRequest, new_server(94), wanted).message, message)

    def test_hints_that_mean_nothing_are_kept(self) -> None:
        wanted = new_server(94)(body() | {"OS-SCH-HNT:scheduler_hints": {"foo": "bar"}})
        [made] = create(wanted, furnished().known(), (SERVER,), "r", "req", NOW)
        note = json.loads(machine(made)["metadata"]["annotations"]["dicot.io/server"])
        self.assertEqual(note["hints"], {"foo": "bar"})

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
