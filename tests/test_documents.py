"""What the documents for people quote stands in the code."""

import re
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.health import Health
from dicot.status.metrics import GAUGES

ROOT = Path(__file__).parent.parent
FIGURES = Health.__dataclass_fields__
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


class DocumentTests(SynchronousTestCase):
    """CONTRIBUTING.md and README.md."""

    def test_examples_are_taken_from_the_code(self) -> None:
        code = "\n".join(path.read_text() for path in (ROOT / "dicot" / "network").glob("*.py"))
        blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text())
        self.assertGreater(len(blocks), 2)
        for block in blocks:
            self.assertIn(block, code)

    def test_alerts_are_explained_and_ask_for_figures_that_there_are(self) -> None:
        rule = yaml.safe_load((ROOT / "etc" / "kubernetes" / "examples" / "alerts.yaml").read_text())
        [group] = rule["spec"]["groups"]
        told = re.findall(r"(?m)^\| (Dicot\w+) \|", (ROOT / "docs" / "operate.md").read_text())
        self.assertEqual([each["alert"] for each in group["rules"]], told)
        status = "\n".join(path.read_text() for path in (ROOT / "dicot" / "status").glob("*.py"))
        for each in group["rules"]:
            for name in re.findall(r"dicot_[a-z_]+", each["expr"]):
                bare = name.removesuffix("_total").removesuffix("_bucket")
                made = [
                    *(f"dicot_watch_{shown}" for shown in (*GAUGES.values(), *FIGURES)),
                    *re.findall(r'"(dicot_\w+)"', status),
                ]
                self.assertIn(bare, made, each["alert"])

    def test_commands_are_there(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        for command in set(re.findall(r"(?m)(?:`|^)make ([a-z-]+)", (ROOT / "README.md").read_text())):
            self.assertRegex(makefile, rf"(?m)^{command}:")
