"""The runner: what it counts, and what it tells again."""

import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import run
from tests.cluster.shared import CHOICE
from tests.run import (
    ALONE,
    FIRST,
    OTHERS,
    PARTS,
    REAL_PARTS,
    RULE,
    SEARCHES,
    Round,
    Sum,
    Work,
    carry_out,
    chosen,
    parts,
)

REPORT = f"""tests.test_run
    test_one ...                                                          [FAIL]

{RULE}
[FAIL]
Traceback (most recent call last):
twisted.trial.unittest.FailTest: 1 != 2

tests.test_run.Tests.test_one
{RULE}
[SKIPPED]
only there

tests.test_run.Tests.test_two
-------------------------------------------------------------------------------
Ran 3 tests in 0.001s

FAILED (skips=1, failures=1, successes=1)
"""


def count(name: str, lines: Iterable[str], total: Sum) -> None:
    """Counts, and keeps to itself what it prints: whoever runs these tests would count that again."""
    with redirect_stdout(StringIO()):
        run.count(name, lines, total)


class CountTests(SynchronousTestCase):
    def test_what_failed_is_kept(self) -> None:
        """With its traceback and its name; what was skipped is only counted."""
        total = Sum()
        count("unit", REPORT.splitlines(keepends=True), total)
        self.assertEqual((total.passed, total.failed, total.skipped), (1, 1, 1))
        [told] = total.wrong
        self.assertTrue(told.startswith("unit: [FAIL]\nTraceback"), told)
        self.assertIn("1 != 2\n\ntests.test_run.Tests.test_one", told)
        self.assertNotIn("only there", told)
        self.assertTrue(told.endswith("Tests.test_one"), told)

    def test_a_long_failure_is_told_in_brief(self) -> None:
        """The kind, the end and the names."""
        total, long = Sum(), "".join(f"line {number} {'x' * 1000}\n" for number in range(1000))
        count("unit", REPORT.replace("Traceback (most recent call last):\n", long).splitlines(keepends=True), total)
        [told] = total.wrong
        self.assertLess(len(told), 24 * 320)
        self.assertTrue(told.startswith("unit: [FAIL]\nline 979 "), told[:50])
        self.assertIn("1 != 2\n\ntests.test_run.Tests.test_one", told)

    def test_a_run_that_dies_has_failed(self) -> None:
        """Its last words are not a summary."""
        total = Sum()
        count("live", ["Killed\n"], total)
        self.assertEqual((total.failed, total.wrong), (1, ["live: died before it had summed up"]))


class PartTests(SynchronousTestCase):
    def test_every_module_is_in_one_part(self) -> None:
        for kind, table in (("sandbox", PARTS), ("live", REAL_PARTS)):
            found = [name for names in parts(kind, table).values() for name in names]
            self.assertEqual(sorted(found), sorted(chosen(kind)))

    def test_each_part_has_something_to_do(self) -> None:
        for kind, table in (("sandbox", PARTS), ("live", REAL_PARTS)):
            self.assertEqual(list(parts(kind, table)), [f"{kind}-{name}" for name in table])

    def test_what_a_fast_run_leaves_out_are_parts(self) -> None:
        self.assertLess(set(SEARCHES), set(PARTS))

    def test_what_begins_first_are_parts(self) -> None:
        works = run.every_day({}, Path(), (), real=True).works
        self.assertEqual(tuple(work.name for work in works)[: len(FIRST)], FIRST)

    def test_what_is_asked_once_is_asked_of_one_cluster(self) -> None:
        """Nothing is left out of both, and what somebody tries first, and contracts, of none."""
        found = {}
        for kind, works in (("sandbox", run.on_sandbox({}, (), whole=False)), ("live", run.on_real({}, whole=False))):
            found[kind] = {name for work in works for name in work.command if name.startswith("tests.")}
            self.assertLess(found[kind], set(chosen(kind)))
        self.assertEqual(found["sandbox"] | found["live"], {*chosen("sandbox"), *chosen("live")})
        both = {"tests.live.test_readme_live", "tests.live.seen.test_boot_live", "tests.contract_cdi"}
        self.assertLess(both, found["sandbox"] & found["live"])

    def test_what_runs_on_real_programs_says_so(self) -> None:
        """And gets what it says, whatever somebody has chosen for single tests."""
        real, sandbox = run.on_real({CHOICE: "sandbox"}), run.on_sandbox({CHOICE: "real"}, ())
        self.assertTrue(all(work.is_real for work in real))
        self.assertFalse(any(work.is_real for work in sandbox))
        self.assertEqual({work.environment[CHOICE] for work in real}, {"real"})
        self.assertEqual({work.environment[CHOICE] for work in sandbox}, {"sandbox"})

    def test_what_runs_alone_is_a_part(self) -> None:
        self.assertEqual([work.name for work in run.on_real({}) if work.is_alone], [f"live-{name}" for name in ALONE])

    def test_what_is_asked_for_brings_what_it_needs(self) -> None:
        """Programs are built for parts that run on them."""
        names = ("sandbox-people", "unit", "live-troubles", f"{OTHERS[0]}-troubles")
        whole = Round([Work(name, (), is_real=name in names[2:]) for name in names], {"DICOT_KUBERNETES": "v1"})
        for patterns, found, is_real in (
            (("unit", "sandbox-*"), names[:2], False),
            (("live-*",), names[2:3], True),
            (("*-troubles",), names[2:], True),
            (("nothing",), (), False),
        ):
            part = whole.of(patterns)
            self.assertEqual(tuple(work.name for work in part.works), found)
            self.assertEqual(part.is_real, is_real)


class WorkTests(SynchronousTestCase):
    def test_works_pass_or_fail_as_a_whole(self) -> None:
        total = Sum()
        programs = {"good": "pass", "bad": "raise SystemExit(1)", "other": "pass"}
        works = [Work(name, [sys.executable, "-c", text]) for name, text in programs.items()]
        with redirect_stdout(StringIO()):
            carry_out(works, total, 2)
        self.assertEqual((total.passed, total.failed, total.wrong), (2, 1, ["bad"]))

    def test_one_that_runs_alone_has_ended_before_the_others_begin(self) -> None:
        alone = Path(self.mktemp()).absolute()
        scripts = {"beside": f"import os; os.stat({str(alone)!r})", "alone": f"open({str(alone)!r}, 'x')"}
        works = [Work(name, [sys.executable, "-c", text], is_alone=name == "alone") for name, text in scripts.items()]
        total = Sum()
        with redirect_stdout(StringIO()):
            Round(works, {}).carry_out(total)
        self.assertEqual((total.passed, total.failed), (2, 0))

    def test_one_that_hangs_is_ended(self) -> None:
        """What it had said by then is kept, and it has failed."""
        script = "import time; print('so far', flush=True); time.sleep(600)"
        done = run.run(Work("live", [sys.executable, "-c", script], is_trial=True), limit=5.0)
        total = Sum()
        with redirect_stdout(StringIO()):
            run.tell(done, total)
        self.assertEqual((done.code, done.output, total.failed), (-9, "so far\n", 1))
