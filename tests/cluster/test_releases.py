"""What releases of Kubernetes say otherwise."""

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.modules import KUBERNETES_SERIES
from tests.cluster.releases import WORDS, claim_before, pod_of, worded


class WordTests(SynchronousTestCase):
    def test_from_the_first_that_says_so(self) -> None:
        text = 'roleRef: Invalid value: "b": cannot change roleRef'
        self.assertEqual(worded((1, 36), text), text)
        for here in ((1, 37), (1, 38), (2, 0)):
            self.assertEqual(worded(here, text), 'roleRef: Invalid value: "b": field is immutable')

    def test_older_ones_say_where_they_are_in_their_own_code(self) -> None:
        text = 'in scheme "pkg/runtime/scheme.go:111"'
        self.assertEqual((worded((1, 34), text), worded((1, 36), text)), (text.replace("111", "110"), text))

    def test_older_ones_tell_the_kind_of_what_breaks_a_rule(self) -> None:
        text = "spec: Invalid value: It cannot be changed; delete it."
        self.assertEqual(worded((1, 34), text), 'spec: Invalid value: "object": It cannot be changed; delete it.')
        self.assertEqual(worded((1, 36), text), text)

    def test_the_sandbox_speaks_as_the_release_it_is_like(self) -> None:
        """Words of that release or an older one would belong into the contracts themselves."""
        major, minor = KUBERNETES_SERIES.removeprefix("v").split(".")
        self.assertGreater(min(WORDS), (int(major), int(minor)))


class ClaimTests(SynchronousTestCase):
    def test_a_claim_as_it_was_told_of_before(self) -> None:
        resizing, unused = {"type": "Resizing"}, {"type": "Unused"}
        for found, before in (
            ([unused], {"phase": "Bound"}),
            ([resizing, unused], {"phase": "Bound", "conditions": [resizing]}),
        ):
            claim = {"status": {"phase": "Bound", "conditions": found}}
            self.assertEqual(claim_before((1, 37), claim), {"status": before})
            self.assertEqual(claim_before((1, 36), claim), claim)
        self.assertEqual(claim_before((1, 37), {}), {})


class PodTests(SynchronousTestCase):
    def test_zones_are_told_since_there_are_labels_of_them(self) -> None:
        pod = {"metadata": {"labels": {"a": "b", "topology.kubernetes.io/zone": "zone-1"}, "name": "p"}, "spec": {}}
        self.assertEqual(pod_of((1, 35), pod), pod)
        self.assertEqual(pod_of((1, 34), pod), {"metadata": {"labels": {"a": "b"}, "name": "p"}, "spec": {}})
