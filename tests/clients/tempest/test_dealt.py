"""How Tempest's tests are dealt to lanes, and what the table says of one."""

from twisted.trial.unittest import SynchronousTestCase

from .table import LEFT_OUT, PASSING, dealt, reason


class TableTests(SynchronousTestCase):
    def test_classes_stay_whole(self) -> None:
        names = ["m.A.one", "m.B.one", "m.A.two", "m.C.one", "m.A.three"]
        self.assertEqual(dealt(names, 2), [["m.A.one", "m.A.three", "m.A.two"], ["m.B.one", "m.C.one"]])
        self.assertEqual(dealt(names[:1], 2), [["m.A.one"], []])

    def test_the_longest_beginning_counts(self) -> None:
        start = "compute.servers.test_server_personality.ServerPersonalityTestJSON.test_"
        self.assertEqual(reason(f"{start}rebuild_server_with_personality"), "servers are not rebuilt yet")
        self.assertEqual(
            reason(f"{start}create_server_with_personality"), "files are not put into guests: their quota is 0"
        )
        self.assertEqual(reason("compute.keypairs.test_keypairs.KeyPairsV2TestJSON.test_keypair_create_delete"), "")

    def test_each_test_and_each_beginning_is_there_once(self) -> None:
        starts = [start for found in LEFT_OUT.values() for start in found]
        self.assertEqual((len(set(PASSING)), len(set(starts))), (len(PASSING), len(starts)))
