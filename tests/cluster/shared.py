"""One cluster for all live tests of a trial run.

It is the one that ``DICOT_TEST_KUBECONFIG`` names, or else one that the first test to ask for it starts and that
ends with the run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.cluster.access import Access
from tests.cluster.furniture import furnish
from tests.cluster.launch import RealCluster, Wishes

VARIABLE = "DICOT_TEST_KUBECONFIG"
DEFINITIONS = Path(__file__).parents[2] / "etc" / "kubernetes" / "crds"
TIMEOUT = 2400.0
"""Seconds a live TestCase should give its tests: the first may have to build the programs."""


class Shared:
    """Holds the cluster of this process once somebody has asked for it."""

    def __init__(self) -> None:
        self._cluster: RealCluster | None = None
        self._failed: Failure | None = None
        self._furnished = False

    async def access(self, reactor: Any) -> Access:
        """How to reach the cluster that tests share."""
        named = os.environ.get(VARIABLE)
        return Access.read(Path(named)) if named else (await self.cluster(reactor)).access

    async def cluster(self, reactor: Any) -> RealCluster:
        """The cluster started here, for tests that stop parts of it; never the one of the variable."""
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
        cluster = await self.cluster(reactor)
        if not self._furnished:
            await furnish(cluster)
            self._furnished = True
        return cluster.access

    async def _start(self, reactor: Any) -> RealCluster:
        folder = Path(tempfile.mkdtemp(prefix="dicot-cluster-"))
        wishes = Wishes(definitions=(DEFINITIONS,) if DEFINITIONS.is_dir() else ())

        async def end(cluster: RealCluster) -> None:
            await cluster.stop()
            shutil.rmtree(folder)

        try:
            cluster = await RealCluster.start(reactor, folder / "cluster", wishes)
        except BaseException:
            shutil.rmtree(folder)
            raise
        reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(end(cluster)))
        return cluster


SHARED = Shared()
