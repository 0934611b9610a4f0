"""What Nova 34 said of some bodies at every microversion, held against what Dicot says of them.

``test_bodies_live`` asks Nova itself about many more. Here its answers are only known by their marks, so a body on
which the two differ is shown with Dicot's answer alone; ``record`` writes the marks anew.
"""

from twisted.trial.unittest import SynchronousTestCase

from .compared import ours, shorter
from .ours import told
from .record import MEANT, RECORD, mark, questions
from .theirs import Asked, Said


def agrees(question: Asked, dicot: Said, said: str) -> bool:
    """Whether an answer has a mark, or is a refusal where no mark could be had."""
    if said == MEANT:
        return bool(400 <= dicot.get("code", 0) < 500)
    return mark(ours(question, dicot)) == said


class RecordedTests(SynchronousTestCase):
    def test_what_nova_said(self) -> None:
        marks = RECORD.read_text().split()
        wrong = []
        for question, said in zip(questions(), marks, strict=True):
            dicot = told(*question)
            if not agrees(question, dicot, said):
                wrong.append(f"{shorter(question)}: {shorter(dicot)}")
        if wrong:
            self.fail("\n".join((f"{len(wrong)} of {len(marks)} differ", *wrong[:3])))
