"""Many objects at once, as a sandbox with servers begins."""

from twisted.trial.unittest import SynchronousTestCase

from .cluster import Cluster


class LoadTests(SynchronousTestCase):
    def test_nobody_is_asked_or_told(self) -> None:
        cluster = Cluster()
        cluster.objects.load(
            ("", "configmaps", {"metadata": {"name": f"m-{number}", "namespace": "nowhere"}, "data": {"k": "v"}})
            for number in range(3)
        )
        self.assertEqual(cluster.happened, [])
        found = list(cluster.objects.list("", "configmaps", "nowhere"))
        self.assertEqual([each["metadata"]["name"] for each in found], ["m-0", "m-1", "m-2"])
        first = found[0]
        self.assertEqual((first["kind"], first["apiVersion"], first["data"]), ("ConfigMap", "v1", {"k": "v"}))
        self.assertEqual(set(first["metadata"]), {"name", "namespace", "uid", "creationTimestamp", "resourceVersion"})
        self.assertEqual(len({each["metadata"]["resourceVersion"] for each in found}), 3)
