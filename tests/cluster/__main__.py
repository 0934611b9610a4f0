"""``python -m tests.cluster``: bare control planes for a person, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.cluster import session
from tests.cluster.launch import RealCluster, Wishes


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where keys, logs and data lie (default: a new temporary folder)")
    parser.add_argument("--durable", action="store_true", help="etcd writes to disk before it answers")
    parser.add_argument("--audit-log", type=Path, help="write an audit log of Dicot's accounts to this file")
    parser.add_argument("--feature-gate", action="append", default=[], help="switch on a feature gate of KubeVirt")
    parser.add_argument(
        "--definitions", type=Path, action="append", default=[], help="install the CRDs of a file or folder too"
    )
    return parser.parse_args(arguments)


async def serve(reactor: Any, options: argparse.Namespace, folder: Path) -> None:
    """Bring a cluster up and keep it until cancelled."""
    wishes = Wishes(options.durable, options.audit_log, options.feature_gate, options.definitions)
    cluster = await RealCluster.start(reactor, folder, wishes)
    try:
        print(f"export KUBECONFIG={cluster.kubeconfig}", flush=True)
        print(f"{cluster.access.programs['kubectl']} get kubevirt -A", flush=True)
        print(f"# {cluster.told()}", flush=True)
        await Deferred()
    finally:
        await cluster.stop()


def main() -> None:
    options = parse(sys.argv[1:])
    session.run(lambda reactor, folder: serve(reactor, options, folder), options.folder)


if __name__ == "__main__":
    main()
