"""One cluster for all live tests of a trial run.

It is the one that ``DICOT_TEST_KUBECONFIG`` names, or else one that the first test to ask for it starts and that
ends with the run: the real programs, or a sandbox where ``DICOT_TEST_CLUSTER`` is "sandbox".
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

from tests.cluster.access import Access
from tests.cluster.furniture import furnish
from tests.cluster.launch import RealCluster, Wishes
from tests.cluster.sandbox import SandboxCluster

VARIABLE = "DICOT_TEST_KUBECONFIG"
CHOICE = "DICOT_TEST_CLUSTER"
SANDBOX = "sandbox"
AUDIT = "DICOT_TEST_AUDIT"
"""A folder in which each cluster leaves the audit log of Dicot's accounts; ``tests.cluster.audit`` reads them."""
DEFINITIONS = Path(__file__).parents[2] / "etc" / "kubernetes" / "crds"


def is_sandbox() -> bool:
    """Whether tests that start a cluster start a sandbox."""
    return os.environ.get(CHOICE) == SANDBOX and not os.environ.get(VARIABLE)


def on_real_programs(why: str) -> None:
    """Skips a test, for that reason, where the shared cluster is a sandbox."""
    if os.environ.get(CHOICE) == SANDBOX:
        raise SkipTest(why)


def audit_log() -> Path | None:
    """Where a cluster that this process starts writes its audit log, if it is to."""
    folder = os.environ.get(AUDIT)
    return None if not folder else Path(folder).resolve() / f"{os.getpid()}.log"


class Shared:
    """Holds the cluster of this process once somebody has asked for it."""

    def __init__(self) -> None:
        self._cluster: RealCluster | SandboxCluster | None = None
        self._failed: Failure | None = None
        self._furnished = False

    async def access(self, reactor: Any) -> Access:
        """How to reach the cluster that tests share."""
        named = os.environ.get(VARIABLE)
        return Access.read(Path(named)) if named else (await self._ours(reactor)).access

    async def cluster(self, reactor: Any) -> RealCluster:
        """The real programs started here, for tests that stop parts of them; never the one of the variable."""
        cluster = await self._ours(reactor)
        if isinstance(cluster, SandboxCluster):
            raise SkipTest("it stops parts of the real programs")
        return cluster

    async def sandbox(self, reactor: Any) -> SandboxCluster:
        """The sandbox, for tests of what only a sandbox can do."""
        if not is_sandbox():
            raise SkipTest(f"it is about the sandbox: {CHOICE}={SANDBOX}")
        cluster = await self._ours(reactor)
        assert isinstance(cluster, SandboxCluster)
        return cluster

    async def _ours(self, reactor: Any) -> RealCluster | SandboxCluster:
        if self._failed is not None:
            self._failed.raiseException()
        if self._cluster is None:
            try:
                self._cluster = await self._start(reactor)
            except Exception:
                self._failed = Failure()
                raise
        return self._cluster

    async def furnished(self, reactor: Any) -> Access:
        """The shared cluster with nodes, storage, flavors and public images; one that is named must have its own."""
        if os.environ.get(VARIABLE):
            return await self.access(reactor)
        cluster = await self._ours(reactor)
        if not self._furnished:
            await furnish(cluster)
            self._furnished = True
            if isinstance(cluster, RealCluster):
                print(f"\n{cluster.told()}", flush=True)
        return cluster.access

    async def _start(self, reactor: Any) -> RealCluster | SandboxCluster:
        folder = Path(tempfile.mkdtemp(prefix="dicot-cluster-"))
        definitions, audit = (DEFINITIONS,) if DEFINITIONS.is_dir() else (), audit_log()

        async def end(cluster: RealCluster | SandboxCluster) -> None:
            await cluster.stop()
            shutil.rmtree(folder)

        try:
            cluster: RealCluster | SandboxCluster
            if is_sandbox():
                options = ("--listen", "0", *(("--audit", str(audit)) if audit else ()))
                cluster = await SandboxCluster.start(reactor, folder / "cluster", definitions, options)
            else:
                wishes = Wishes(definitions=definitions, audit=audit)
                cluster = await RealCluster.start(reactor, folder / "cluster", wishes)
        except BaseException:
            shutil.rmtree(folder)
            raise
        reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(end(cluster)))
        return cluster


SHARED = Shared()
