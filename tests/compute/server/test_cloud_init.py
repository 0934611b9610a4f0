"""What a new server's config drive carries."""

import base64
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.storage import SECRET
from dicot.compute.kinds import KEYPAIR
from dicot.faults import BadRequest, Fault

from .objects import PUBLIC_KEY, SERVER, keypair_object_of
from .planned import NAME, USER_DATA, instance, machine, pending, plan
from .world import World, furnished


class CloudInitTests(SynchronousTestCase):
    def test_there_is_no_config_drive_without_a_reason(self) -> None:
        made = plan()
        self.assertEqual(pending(made, SECRET), [])
        self.assertEqual(len(instance(made)["volumes"]), 1)

    def test_user_data_that_stands_for_nothing(self) -> None:
        """A drive without any data is refused by KubeVirt."""
        [secret] = pending(plan(user_data="\n"), SECRET)
        self.assertEqual(base64.b64decode(secret["data"]["userdata"]), b"#cloud-config\n")

    def test_user_data_lies_in_a_secret(self) -> None:
        made = plan(user_data=USER_DATA)
        [secret] = pending(made, SECRET)
        self.assertEqual(secret["data"], {"userdata": USER_DATA})
        self.assertEqual(secret["metadata"]["labels"]["dicot.io/server-id"], SERVER)
        volume = {"name": "config", "cloudInitConfigDrive": {"secretRef": {"name": f"{NAME}-config"}}}
        self.assertIn(volume, instance(made)["volumes"])
        self.assertIn({"name": "config", "disk": {"bus": "virtio"}}, instance(made)["domain"]["devices"]["disks"])
        self.assertNotIn(USER_DATA, json.dumps(machine(made)))

    def test_a_key_lies_in_a_secret_of_its_own(self) -> None:
        """KubeVirt takes every entry of that Secret for a key: user data beside it would be one."""
        made = plan(key_name="k", user_data=USER_DATA)
        config, key = pending(made, SECRET)
        self.assertEqual(list(config["data"]), ["userdata"])
        self.assertEqual(base64.b64decode(key["data"]["key"]).decode(), PUBLIC_KEY)
        self.assertEqual(
            instance(made)["accessCredentials"],
            [
                {
                    "sshPublicKey": {
                        "source": {"secret": {"secretName": f"{NAME}-key"}},
                        "propagationMethod": {"configDrive": {}},
                    }
                }
            ],
        )

    def test_an_empty_drive_holds_an_empty_configuration(self) -> None:
        for more in ({"config_drive": True}, {"key_name": "k"}):
            config = pending(plan(**more), SECRET)[0]
            self.assertEqual(base64.b64decode(config["data"]["userdata"]), b"#cloud-config\n")

    def test_a_key_of_somebody_else_or_of_nobody(self) -> None:
        world = furnished()
        stolen = keypair_object_of("s")
        stolen["spec"]["userId"] = "somebody-else"
        world.add(KEYPAIR, stolen)
        for name in ("none", "s"):
            self.refused(BadRequest, "Invalid key_name provided.", world, key_name=name)

    def refused(self, kind: type[Fault], message: str, world: World, **more: Any) -> None:
        self.assertEqual(self.assertRaises(kind, plan, world, **more).message, message)
