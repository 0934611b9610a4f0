"""In what an answer is written."""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from dicot.pull import SLICE
from dicot.web.answer import slices
from dicot.web.call import Pieces, enclosed, pieces

LONG = tuple(bytes([65 + number]) * (3 * SLICE) for number in range(3))
SHORT = tuple(b"%04d" % number * 300 for number in range(100))


class SliceTests(SynchronousTestCase):
    """Runs of one beside runs of many."""

    def written(self, body: Pieces, *, whole: bool = True) -> list[Sequence[bytes]]:
        found = list(slices(b"HTTP ", body, whole=whole))
        self.assertEqual(b"".join(map(b"".join, found)), b"HTTP " + body.joined())
        return found

    def body(self, *runs: Sequence[bytes]) -> Pieces:
        return enclosed(b'{"all": [', runs, b"]}")

    def test_a_run_of_one_is_sent_as_it_lies(self) -> None:
        found = self.written(self.body(*[(each,) for each in LONG]))
        self.assertEqual(len(found), 3)
        for texts, each in zip(found, LONG, strict=True):
            self.assertTrue(any(text is each for text in texts))

    def test_or_is_cut(self) -> None:
        found = self.written(pieces(LONG[0]))
        self.assertEqual([texts[-1] for texts in found[:-1]], [LONG[0][:SLICE]] * 2)
        found = self.written(self.body(*[(each,) for each in LONG]), whole=False)
        self.assertTrue(all(sum(map(len, texts)) < SLICE + 100 for texts in found))

    def test_a_run_of_many_is_joined_in_its_turn(self) -> None:
        found = self.written(self.body(SHORT, (LONG[0],), SHORT, SHORT))
        self.assertEqual([any(text is LONG[0] for text in texts) for texts in found].index(True), 2)
        others = [text for texts in found for text in texts if text is not LONG[0]]
        self.assertLessEqual(max(map(len, others)), 1.5 * SLICE)

    def test_nothing_stands_where_there_is_nothing(self) -> None:
        self.assertEqual([b"".join(texts) for texts in self.written(self.body())], [b'HTTP {"all": []}'])
        self.assertEqual(self.body((), SHORT[:2], ()).joined(), self.body(SHORT[:2]).joined())
