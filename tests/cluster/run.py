"""``make cluster`` and ``make run``: a cluster with nodes and seeds, and Dicot on it, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.cluster import session
from tests.cluster.control import Control, Overdue
from tests.cluster.furniture import ROOT, furnish
from tests.cluster.launch import RealCluster, Wishes
from tests.cluster.programs import Program
from tests.cluster.shared import DEFINITIONS

PATIENCE = 60.0
LOGIN = {
    "OS_IDENTITY_API_VERSION": "3",
    "OS_USERNAME": "admin",
    "OS_PROJECT_NAME": "admin",
    "OS_USER_DOMAIN_ID": "default",
    "OS_PROJECT_DOMAIN_ID": "default",
    "OS_REGION_NAME": "RegionOne",
}
PASSWORD = "-n dicot-system get secret dicot-admin -o jsonpath={.data.password}"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.run", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="port of Dicot on loopback (default: %(default)s)")
    parser.add_argument("--kubeconfig", type=Path, help="serve this cluster instead of starting one")
    parser.add_argument("--cluster-only", action="store_true", help="start no Dicot")
    parser.add_argument("--folder", type=Path, help="where keys, logs and data lie (default: a new temporary folder)")
    return parser.parse_args(arguments)


def configuration(port: int, kubeconfig: Path) -> str:
    """Dicot's configuration for one person on this machine."""
    address = f"http://127.0.0.1:{port}"
    sections: Mapping[str, Mapping[str, object]] = {
        "api": {"listen": [address], "public_url": address},
        "kubernetes": {"kubeconfig": str(kubeconfig)},
        "status": {"listen": [], "public": True},
    }
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    return "\n".join(lines) + "\n"


def login(port: int, kubectl: str, kubeconfig: Path) -> list[str]:
    """Shell lines after which ``openstack`` speaks with Dicot as its first administrator."""
    settings = {"OS_AUTH_URL": f"http://127.0.0.1:{port}/identity/v3", **LOGIN}
    exports = [f"export {name}={value}" for name, value in settings.items()]
    return [*exports, f"export OS_PASSWORD=$({kubectl} --kubeconfig {kubeconfig} {PASSWORD} | base64 -d)"]


async def serve(reactor: Any, options: argparse.Namespace, folder: Path) -> None:
    """Start what was asked for and keep it until cancelled."""
    if options.kubeconfig is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await serve_dicot(reactor, options.port, options.kubeconfig.resolve(), "kubectl", folder)
        return
    wishes = Wishes(definitions=(DEFINITIONS,))
    cluster = await RealCluster.start(reactor, folder, wishes)
    try:
        await furnish(cluster)
        kubectl = cluster.access.programs["kubectl"]
        print(f"export KUBECONFIG={cluster.kubeconfig}\nalias kubectl={kubectl}", flush=True)
        if options.cluster_only:
            await Deferred()
        await serve_dicot(reactor, options.port, cluster.kubeconfig, kubectl, folder)
    finally:
        await cluster.stop()


async def serve_dicot(reactor: Any, port: int, kubeconfig: Path, kubectl: str, folder: Path) -> None:
    """Run Dicot on that cluster, tell how to log in once it is ready, and keep it until cancelled."""
    settings, output = folder / "dicot.toml", folder / "dicot.log"
    settings.write_text(configuration(port, kubeconfig))
    twistd = str(Path(sys.executable).with_name("twistd"))
    command = [twistd, "--nodaemon", "--pidfile=", "dicot", "--config", str(settings)]
    dicot = Program(reactor, "dicot", command, output, {"PYTHONPATH": str(ROOT)})
    front = Control(reactor, f"http://127.0.0.1:{port}")

    async def ready() -> bool:
        if dicot.failures:
            raise Overdue("it ended by itself")
        return await front.answers("/readyz")

    dicot.start()
    try:
        await front.until(PATIENCE, "Dicot", ready)
        print("\n".join(login(port, kubectl, kubeconfig)), f"# log: {output}", sep="\n", flush=True)
        await Deferred()
    except Overdue as error:
        raise SystemExit(f"Dicot is not ready: {error}\n{dicot.tail()}") from error
    finally:
        await dicot.kill()
        await front.close()


def main() -> None:
    options = parse(sys.argv[1:])
    session.run(lambda reactor, folder: serve(reactor, options, folder), options.folder)


if __name__ == "__main__":
    main()
