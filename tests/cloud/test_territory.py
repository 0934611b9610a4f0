"""The namespaces that matter."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.assembly import territories
from dicot.cloud.kinds.identity import LEDGER, NAMESPACE
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.storage import DATA_SOURCE, STORAGE_CLASS
from dicot.cloud.reading.projects import IMAGES
from dicot.cloud.reading.territory import Territory
from dicot.config import Config
from dicot.served import resources

from .ground import BLUE, RED, Ground


class TerritoryTests(SynchronousTestCase):
    """Projects, and public images for what they are made of."""

    def setUp(self) -> None:
        self.ground = Ground()
        self.told = 0

    def territory(self, *, with_images: bool = False) -> Territory:
        made = Territory(self.ground.projects, with_images=with_images)
        made.listen(self.tell)
        return made

    def tell(self) -> None:
        self.told += 1

    def test_unknown_until_projects_are_known(self) -> None:
        found = self.territory()
        self.assertIsNone(found.namespaces())
        self.ground.sync()
        self.assertEqual((found.namespaces(), self.told), (set(), 1))

    def test_projects_come_and_go(self) -> None:
        self.ground.sync()
        found = self.territory()
        self.ground.project("red", RED)
        self.ground.project("blue", BLUE)
        self.assertEqual((found.namespaces(), self.told), ({"red", "blue"}, 2))
        self.ground.drop(NAMESPACE, "", "red", uid="uid-red")
        self.assertEqual((found.namespaces(), self.told), ({"blue"}, 3))

    def test_images_matter_to_what_they_are_made_of(self) -> None:
        self.ground.sync()
        self.ground.namespace("pictures")
        self.ground.record("pictures", "", role=IMAGES)
        self.assertEqual(self.territory().namespaces(), set())
        self.assertEqual(self.territory(with_images=True).namespaces(), {"pictures"})

    def test_what_has_no_namespace_or_its_own_is_watched_there(self) -> None:
        found = territories(self.ground.projects, resources(Config()))
        self.assertEqual((found(LEDGER), found(STORAGE_CLASS)), (None, None))
        self.ground.sync()
        self.ground.namespace("pictures")
        self.ground.record("pictures", "", role=IMAGES)
        where = [territory and territory.namespaces() for territory in (found(VM), found(DATA_SOURCE))]
        self.assertEqual(where, [set(), {"pictures"}])
