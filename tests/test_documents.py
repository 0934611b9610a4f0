"""What the documents for people quote stands in the code."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


class DocumentTests(SynchronousTestCase):
    """CONTRIBUTING.md and README.md."""

    def test_examples_are_taken_from_the_code(self) -> None:
        code = "\n".join(path.read_text() for path in (ROOT / "dicot" / "network").glob("*.py"))
        blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text())
        self.assertGreater(len(blocks), 2)
        for block in blocks:
            self.assertIn(block, code)

    def test_commands_are_there(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        for command in set(re.findall(r"(?m)(?:`|^)make ([a-z-]+)", (ROOT / "README.md").read_text())):
            self.assertRegex(makefile, rf"(?m)^{command}:")
