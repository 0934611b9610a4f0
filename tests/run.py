"""Runs everything that must hold, and ends with one line that sums it up.

Lint and types count as one each, every trial test as one; what failed is told again before the last line. Modules
that end in ``_live`` and the contract suites need a cluster: they run on the sandbox and on the real control
planes. On every day what is about Dicot alone runs on one of the two: contracts hold the sandbox to the real ones.
``--without-cluster`` leaves out both and ``--fast`` the real ones and the long searches; each says so. ``--parts``
runs only what it names: the long run takes hours, and one part after the other is the whole too.

Several parts run at a time, each with a cluster of its own, the longest first; what needs all of the machine runs
before them, alone. What a part or a tool says is printed when it has ended.
"""

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from tests.cluster.cache import cache_folder
from tests.cluster.modules import KUBERNETES_SERIES, KUBERNETES_VERSIONS
from tests.length import IS_LONG, TIMEOUT

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SUMMARY = re.compile(r"^(?:PASSED|FAILED)(?: \((.*)\))?$")
FAILED = ("[FAIL]", "[ERROR]")
RULE = "=" * 79
END = "-" * 79
"""What comes after the last of the parts of trial's report."""
REPEATED = 24
"""Lines told again of each failure: the end of its traceback and the names of the tests."""
WIDTH = 300
"""Characters of each of these lines: who reads only the end of a long report shall see all that failed."""
AT_ONCE = 5
"""Commands that run at a time: enough to keep two processors busy, for a real cluster costs something at rest too."""
GUESTS = (
    *("tests.live.seen.", "tests.contract_virt", "tests.contract_streams", "tests.contract_nodes"),
    *("tests.contract_odds", "tests.contract_evictions", "tests.contract_migrations", "tests.contract_hotplug"),
    *(
        "tests.contract_machine_snapshots",
        "tests.contract_restores",
        "tests.contract_clones",
        "tests.contract_exports",
        "tests.contract_interfaces",
        "tests.contract_volume_requests",
    ),
)
"""What is about machines and those who run them."""
JOURNEYS = (
    *("tests.live.test_readme_live", "tests.live.test_run_live"),
    *("tests.live.test_disks_live", "tests.live.test_volumes_live"),
)
"""What people do first, most of them in the sandbox."""
PARTS = {
    "deaths": ("tests.sandbox.test_deaths_live",),
    "crashes": ("tests.live.test_crash_live", "tests.sandbox.test_storms_live", "tests.live.test_settled_live"),
    "journeys": JOURNEYS,
    "tempest": ("tests.clients.",),
    "quotas": ("tests.live.test_quota", "tests.live.test_lost_live", "tests.live.test_status_live"),
    "troubles": (
        *("tests.live.test_bad_", "tests.live.test_races", "tests.live.test_replicas", "tests.live.test_rolling"),
        *("tests.live.test_faults", "tests.live.test_log_crashes", "tests.live.test_lost_answers"),
        *("tests.live.test_restore", "tests.benches."),
    ),
    "people": ("tests.live.test_",),
    "guests": GUESTS,
    "oracles": ("tests.compute.", "tests.oracle.", "tests.cloud."),
    "contracts": ("tests.",),
}
"""What runs on one sandbox, by the beginnings of names; the longest come first."""
SEARCHES = ("deaths", "crashes", "tempest", "quotas", "troubles", "oracles")
"""Parts that look for what breaks, at every place where it might: minutes that nobody waits for at a desk."""
CLIENTS = ("tests.live.test_bad_",)
"""What is about those who ask Dicot, and not about what it stands on."""
DICOT = ("tests.live.test_",)
"""What is about Dicot. On every day it runs on the real control planes, CLIENTS on the sandbox, and the JOURNEYS on
both; in a long run all of it runs on both."""
REAL_PARTS = {
    "rolling": ("tests.live.test_rolling",),
    "troubles": (
        *("tests.live.test_crash", "tests.live.test_faults", "tests.live.test_log_crashes"),
        *("tests.live.test_replicas", "tests.live.test_versions", *CLIENTS),
    ),
    "guests": ("tests.live.test_lost", "tests.live.test_quota_races", *GUESTS),
    "journeys": ("tests.live.test_", "tests.clients."),
    "contracts": ("tests.",),
}
"""What runs on the real control planes: each costs two gigabytes of memory."""
ALONE = ("rolling",)
"""Real parts that run by themselves, before the others: their clients keep a pace that needs all of the machine."""
FIRST = (
    *("live-contracts", "live-journeys", "live-troubles", "live-guests"),
    *("sandbox-oracles", "sandbox-guests", "unit", "sandbox-contracts"),
)
"""What begins first, because it takes longest: else it would be waited for alone in the end, and leave the processors
at rest."""
OTHERS = [series for series in KUBERNETES_VERSIONS if series != KUBERNETES_SERIES]
"""Kubernetes that the long run tries too."""
COUNTED = {
    "successes": "passed",
    "failures": "failed",
    "errors": "failed",
    "unexpectedSuccesses": "failed",
    "skips": "skipped",
    "expectedFailures": "failed",
}


@dataclass
class Sum:
    """What all runners together counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    wrong: list[str] = field(default_factory=list)
    """What failed, in words."""

    def add(self, line: str) -> bool:
        """Counts trial's last line; False for any other."""
        found = SUMMARY.match(line.strip())
        if found is None:
            return False
        for part in filter(None, (found.group(1) or "").split(", ")):
            name, _, number = part.partition("=")
            counter = COUNTED[name]
            setattr(self, counter, getattr(self, counter) + int(number))
        return True


@dataclass(frozen=True, slots=True)
class Work:
    """A command to run. Trial's tests are counted one by one, any other passes or fails as a whole. ``is_real``: on
    the real control planes; ``is_alone``: nothing else may run meanwhile."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_trial: bool = False
    is_real: bool = False
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended, after so many seconds, of which its processes were computing so many."""

    work: Work
    code: int
    output: str
    seconds: float
    computing: float


def carry_out(works: Sequence[Work], total: Sum, at_once: int) -> None:
    """Run so many at a time, in this order, and tell of each when it has ended."""
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(run, work) for work in works]):
            tell(future.result(), total)


def run(work: Work, limit: float = TIMEOUT) -> Done:
    """Run a command to its end, or to the limit."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            work.command, cwd=ROOT, env={**os.environ, **work.environment}, stdout=output, stderr=subprocess.STDOUT
        )
        guard = threading.Timer(limit, process.kill)
        guard.start()
        _, status, usage = os.wait4(process.pid, 0)
        guard.cancel()
        # Or it would be waited for once more.
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Done(work, code, output.read(), time.monotonic() - began, usage.ru_utime + usage.ru_stime)


def tell(done: Done, total: Sum) -> None:
    """Print what a command said, and count it."""
    name = done.work.name
    if done.work.is_trial:
        count(name, done.output.splitlines(keepends=True), total)
        outcome = f"ended with {done.code}"
    else:
        print(done.output, end="")
        total.passed += done.code == 0
        total.failed += done.code != 0
        total.wrong += [name] * (done.code != 0)
        outcome = "failed" if done.code else "passed"
    print(f"== {name}: {outcome} ({done.seconds:.0f} s, {done.computing:.0f} s of CPU)", flush=True)


def trial(name: str, modules: Sequence[str], environment: Mapping[str, str]) -> Work:
    """Trial's tests of some modules."""
    command = [str(BIN / "python"), str(BIN / "trial"), "--temp-directory", f"_trial_temp_{name}", *modules]
    return Work(name, command, environment, is_trial=True)


def count(name: str, lines: Iterable[str], total: Sum) -> None:
    """Prints what trial says, and counts its summary."""
    summed, told = False, list[str]()
    for line in lines:
        summed = total.add(line) or summed
        told.append(line.rstrip("\n"))
        print(line, end="", flush=True)
    total.wrong += [f"{name}: {each}" for each in failures(told)]
    if not summed:
        total.failed += 1
        total.wrong.append(f"{name}: died before it had summed up")


def failures(lines: Sequence[str]) -> list[str]:
    """The parts of trial's report that tell of what failed."""
    starts = [index for index, line in enumerate(lines) if line in (RULE, END)]
    parts = [lines[start + 1 : end] for start, end in itertools.pairwise(starts)]
    return ["\n".join(_brief(part)) for part in parts if part and part[0] in FAILED]


def _brief(part: Sequence[str]) -> Iterable[str]:
    """What kind of failure it is, and its last lines, each cut in its middle."""
    half = WIDTH // 2
    for line in (part[0], *part[1:][-REPEATED:]):
        yield line if len(line) <= WIDTH else f"{line[:half]} [...] {line[-half:]}"


def modules() -> dict[str, str]:
    """All test modules by name, with their text; contracts first: then no Dicot runs that looks at what they do."""
    paths = [*sorted((ROOT / "tests").glob("contract_*.py")), *sorted((ROOT / "tests").rglob("test_*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in paths}


def needs_cluster(name: str) -> bool:
    """Whether a module's tests ask for a cluster."""
    return name.endswith("_live") or name.startswith("tests.contract_")


def chosen(kind: str) -> list[str]:
    """The modules for no cluster ("unit"), for the sandbox or for the real programs ("live").

    A module says by ``ONLY_ON = "sandbox"`` or ``"real"`` that it has nothing to ask of the other.
    """
    if kind == "unit":
        return [name for name in modules() if not needs_cluster(name)]
    other = {"sandbox": "real", "live": "sandbox"}[kind]
    return [name for name, text in modules().items() if needs_cluster(name) and f'ONLY_ON = "{other}"' not in text]


def parts(kind: str, table: Mapping[str, Sequence[str]], without: Collection[str] = ()) -> dict[str, list[str]]:
    """The modules for a kind of cluster, but for some, each in the first part that has the beginning of its name."""
    found: dict[str, list[str]] = {part: [] for part in table}
    for name in (each for each in chosen(kind) if each not in without):
        found[next(part for part, names in table.items() if name.startswith(tuple(names)))].append(name)
    return {f"{kind}-{part}": names for part, names in found.items() if names}


def tools() -> list[Work]:
    """What looks at the text alone. mypy knows by their hashes what it has seen, in whichever checkout that was."""
    seen = {"MYPY_CACHE_DIR": str(cache_folder() / "mypy")}
    return [
        Work("lint", [str(BIN / "ruff"), "check", "."]),
        Work("format", [str(BIN / "ruff"), "format", "--check", "."]),
        Work("types", [str(BIN / "mypy"), "dicot", "tests", "bench", "twisted", "setup.py"], seen),
    ]


def audit_logs() -> Path:
    """An empty folder for the logs of what Dicot asked of each cluster."""
    folder = ROOT / "_trial_temp_audit"
    shutil.rmtree(folder, ignore_errors=True)
    for kind in ("sandbox", "live"):
        (folder / kind).mkdir(parents=True)
    return folder


def rights(kind: str, logs: Path, *options: str) -> Work:
    """Whether Dicot's accounts were let do all that they had to, and no more."""
    return Work(f"{kind}-rights", [str(BIN / "python"), "-m", "tests.cluster.audit", *options, str(logs / kind)])


def build(total: Sum, environment: Mapping[str, str]) -> None:
    """The programs of the real control planes, as far as they are missing."""
    carry_out([Work("build", [str(BIN / "python"), "-m", "tests.cluster.build"], environment)], total, 1)


def on_sandbox(environment: Mapping[str, str], left_out: Sequence[str], *, whole: bool = True) -> list[Work]:
    """What runs on sandboxes, without some parts; ``whole``: also what is asked of the real control planes."""
    names = {f"sandbox-{each}" for each in left_out}
    found = parts("sandbox", PARTS, () if whole else _about_dicot()).items()
    sandbox = {**environment, "DICOT_TEST_CLUSTER": "sandbox"}
    return [trial(name, modules, sandbox) for name, modules in found if name not in names]


def on_real(environment: Mapping[str, str], prefix: str = "live", *, whole: bool = True) -> list[Work]:
    """What runs on the real control planes; ``whole``: also what is asked of the sandbox."""
    found = parts("live", REAL_PARTS, () if whole else _about_clients()).items()
    real = {**environment, "DICOT_TEST_CLUSTER": "real"}
    works = [trial(name.replace("live", prefix, 1), modules, real) for name, modules in found]
    return [replace(work, is_real=True, is_alone=work.name.endswith(ALONE)) for work in works]


def _about_clients() -> set[str]:
    """Modules that the sandbox is enough for."""
    return {name for name in chosen("sandbox") if name.startswith(CLIENTS)}


def _about_dicot() -> set[str]:
    """Modules that the real control planes are enough for."""
    return {name for name in chosen("live") if name.startswith(DICOT) and not name.startswith((*JOURNEYS, *CLIENTS))}


def _turn(name: str) -> int:
    """When a part begins, by its name."""
    return FIRST.index(name) if name in FIRST else len(FIRST)


@dataclass(frozen=True, slots=True)
class Round:
    """Commands that run side by side, but for those that run alone. ``programs`` is the environment that names the
    control planes of those that are real."""

    works: Sequence[Work]
    programs: Mapping[str, str]

    @property
    def is_real(self) -> bool:
        """Whether any of them needs these."""
        return any(work.is_real for work in self.works)

    def carry_out(self, total: Sum) -> None:
        """Build what they need, and run them."""
        if self.is_real:
            build(total, self.programs)
        carry_out([work for work in self.works if work.is_alone], total, 1)
        carry_out([work for work in self.works if not work.is_alone], total, AT_ONCE)

    def of(self, patterns: Sequence[str]) -> "Round":
        """Only what has such a name."""
        works = [work for work in self.works if any(fnmatchcase(work.name, pattern) for pattern in patterns)]
        return Round(works, self.programs)


def every_day(
    environment: Mapping[str, str], logs: Path, left_out: Sequence[str], *, real: bool, whole: bool = True
) -> Round:
    """What `make test` runs, without some parts on the sandbox; ``whole``: all of it on both kinds of cluster."""
    sandbox = {**environment, "DICOT_TEST_AUDIT": str(logs / "sandbox")}
    works = [*on_sandbox(sandbox, left_out, whole=whole), trial("unit", chosen("unit"), environment), *tools()]
    if real:
        works += on_real({**environment, "DICOT_TEST_AUDIT": str(logs / "live")}, whole=whole)
    return Round(sorted(works, key=lambda work: _turn(work.name)), environment)


def elsewhere(environment: Mapping[str, str]) -> list[Round]:
    """What the long run adds: the suite of every day on each other Kubernetes. What takes long is tried on one."""
    found = [(series, {**environment, "DICOT_KUBERNETES": series, "DICOT_LONG": ""}) for series in OTHERS]
    return [Round(on_real(programs, series), programs) for series, programs in found]


def judges(given: argparse.Namespace, logs: Path) -> list[Work]:
    """What looks at all that was asked of each kind of cluster."""
    found = [] if given.without_cluster else [rights("sandbox", logs)]
    is_own = not os.environ.get("DICOT_TEST_KUBECONFIG")
    return [*found, *([rights("live", logs, "--whole")] if is_real(given) and is_own else [])]


def is_real(given: argparse.Namespace) -> bool:
    """Whether the real control planes are asked for."""
    return not (given.without_cluster or given.fast)


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    found = argparse.ArgumentParser(description=__doc__)
    found.add_argument("--without-cluster", action="store_true", help="leave out all tests that need a cluster")
    found.add_argument("--fast", action="store_true", help="leave out the real control planes and long searches")
    found.add_argument("--parts", nargs="+", metavar="NAME", help="only these, as they are named at their end")
    return found


def main() -> int:
    """The exit code: 0 only where nothing failed."""
    parser = options()
    given = parser.parse_args()
    total, environment = Sum(), {"PYTHONPATH": str(ROOT)}
    logs, real = audit_logs(), is_real(given)
    if given.without_cluster:
        print("the tests that need a cluster are left out, as asked")
    left_out = tuple(PARTS) if given.without_cluster else SEARCHES if given.fast else ()
    # Whoever names parts gets all of them.
    whole = IS_LONG or not real or bool(given.parts)
    rounds = [every_day(environment, logs, left_out, real=real, whole=whole)]
    rounds += elsewhere(environment) if real and IS_LONG else ()
    if given.parts:
        known = [work.name for each in rounds for work in each.works]
        rounds = [each.of(given.parts) for each in rounds]
        if not any(each.works for each in rounds):
            parser.error(f"none of these is {' or '.join(given.parts)}: {', '.join(known)}")
    for each in rounds:
        each.carry_out(total)
    if not given.parts:
        # Parts by themselves do not do all that there is a right for.
        carry_out(judges(given, logs), total, 1)
    if given.fast:
        print(f"the tests on the real control planes are left out, and {', '.join(SEARCHES)}, as asked")
    for wrong in total.wrong:
        print(f"== failed: {wrong}")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
