"""``make cluster`` and ``make run``: a cluster with nodes and seeds, and Dicot on it, until Ctrl-C.

``make run`` takes the sandbox, which keeps its objects for the next time; ``make cluster`` starts the real programs.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from dicot.kube.credentials import Unusable
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.sandbox.nodes.machines import DEFAULT, machines
from dicot.sandbox.settled.loader import LOADED
from tests.clients.venv import client
from tests.cluster import guide, session, somebodys
from tests.cluster.commands import Failed
from tests.cluster.control import Control, Overdue
from tests.cluster.furniture import ROOT, furnish
from tests.cluster.installed import (
    DEMO_NAMESPACE,
    apply_manifests,
    for_admin,
    make_people,
    write_again,
    write_clouds,
    write_login,
    write_tenant,
)
from tests.cluster.launch import RealCluster, Wishes
from tests.cluster.programs import Program
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import DEFINITIONS

PATIENCE = 60.0
MOST_SERVERS = 200_000
SERVERS_A_SECOND = 500
"""As slow as a small machine that does much else."""
UNLIMITED = -1
KUBERNETES_PORT = 6443
"""Where the sandbox listens unless somebody else does."""
FOLDER = ROOT / "run"
"""Where a person finds clouds.yaml, Dicot's configuration and its log."""
BIN = Path(sys.executable).parent
Passwords = Callable[[], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one run, and where Dicot listens."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "dicot.kubeconfig"

    @property
    def settings(self) -> Path:
        return self.folder / "dicot.toml"

    @property
    def clouds(self) -> Path:
        return self.folder / "clouds.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "dicot.log"

    @property
    def cluster(self) -> Path:
        """Where the sandbox has its state and its logs."""
        return self.folder / "cluster"

    @property
    def admin(self) -> Path:
        """The kubeconfig of the cluster's administrator."""
        return self.folder / "kubeconfig"

    @property
    def tenant(self) -> Path:
        """The kubeconfig of somebody of project demo."""
        return self.folder / "kubeconfig-demo"

    def prepare(self) -> None:
        """Make the folder, with Dicot's configuration."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self.configure(0)

    def configure(self, servers: int) -> None:
        """Write Dicot's configuration, for a project that has got so many servers."""
        self.settings.write_text(configuration(self, servers))


class OneLine(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage is make's affair."""

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2."""
        self.exit(2, f"{message}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = OneLine(prog="python -m tests.cluster.run", description=__doc__)
    parser.add_argument(
        "--port", type=port_number, default=5000, help="port of Dicot on loopback (default: %(default)s)"
    )
    parser.add_argument("--kubeconfig", type=Path, help="serve this cluster instead of starting one")
    parser.add_argument("--servers", type=count, default=0, help="settled servers that project demo shall have")
    parser.add_argument("--nodes", type=nodes, default=DEFAULT, help="how many, or ZONE:CPU:MEMORY,... of each")
    parser.add_argument("--cluster-only", action="store_true", help="start the real programs and no Dicot")
    parser.add_argument("--folder", type=Path, help="where keys, logs and data lie (default: a new temporary folder)")
    parser.add_argument("--files", type=Path, default=FOLDER, help="where clouds.yaml is put (default: %(default)s)")
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    """A port. Raises ArgumentTypeError, which names the option."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; PORT=... gives one from 1 to 65535")
    return int(text)


def count(text: str) -> int:
    """A number of servers. Raises ArgumentTypeError, which names the option."""
    if not text.isdecimal() or int(text) > MOST_SERVERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_SERVERS}; SERVERS=... gives it")
    return int(text)


def nodes(text: str) -> str:
    """Nodes of our own cluster. Raises ArgumentTypeError, which names the option."""
    try:
        machines(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; NODES=... gives it") from None
    return text


def configuration(place: Place, servers: int = 0) -> str:
    """Dicot's configuration for one person on this machine. Beside servers that were loaded there must be room for
    more."""
    sections: dict[str, Mapping[str, object]] = {
        "api": {"listen": [place.url], "public_url": place.url},
        "kubernetes": {"kubeconfig": str(place.kubeconfig)},
        "status": {"listen": [], "public": True},
    }
    if servers:
        sections["quota"] = dict.fromkeys(("instances", "cores", "ram"), UNLIMITED)
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    return "\n".join(lines) + "\n"


def check_port(port: int) -> None:
    """Raises SystemExit where somebody listens there: better now than after the cluster's start."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SystemExit(f"port {port} of 127.0.0.1 cannot be had: {error}; PORT=... names another") from None


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return found.connect_ex(("127.0.0.1", port)) != 0


async def serve(reactor: Any, options: argparse.Namespace, folder: Path) -> None:
    """Start what was asked for and keep it until cancelled."""
    place = Place(options.files.resolve(), options.port)
    if options.cluster_only:
        await serve_cluster(reactor, place, folder, options.nodes)
        return
    check_port(options.port)
    if options.kubeconfig is not None:
        await serve_somebodys(reactor, place, options.kubeconfig.resolve())
    else:
        await serve_sandbox(reactor, place, options.servers, options.nodes)


async def serve_cluster(reactor: Any, place: Place, folder: Path, nodes: str) -> None:
    """The real programs, ready for Dicot."""
    tell("starting Kubernetes, KubeVirt and CDI; what is not built yet is built first, which takes some ten minutes")
    cluster = await RealCluster.start(reactor, folder, Wishes(definitions=(DEFINITIONS,)))
    try:
        await furnish(cluster, nodes)
        tell(f"# {cluster.told()}")
        await install(reactor, cluster, place)
        tell(*guide.cluster(cluster.kubeconfig, cluster.access.programs["kubectl"]))
        tell(*guide.without_dicot(BIN / "twistd", place.settings, place.clouds))
        await Deferred()
    finally:
        await cluster.stop()


async def serve_sandbox(reactor: Any, place: Place, servers: int, nodes: str) -> None:
    """The sandbox, as it was left the last time, and Dicot on it."""
    openstack = deferToThread(installed_client)
    place.prepare()
    port = KUBERNETES_PORT if is_free(KUBERNETES_PORT) else 0
    options = ("--listen", str(port), "--nodes", nodes, *(("--servers", str(servers)) if servers else ()))
    cluster = await SandboxCluster.start(reactor, place.cluster, (DEFINITIONS,), options)
    try:
        await furnish(cluster, nodes)
        passwords = await install(reactor, cluster, place)
        if servers:
            tell(f"loading servers into project {DEMO_NAMESPACE} until it has got {servers}")
        loaded = await settled(cluster.control, servers)
        place.configure(loaded)
        write_again(place.admin, for_admin(cluster.kubeconfig))
        kubernetes = guide.cluster(place.admin, cluster.access.programs.get("kubectl", "kubectl"), place.tenant)
        await serve_dicot(reactor, place, known(passwords), openstack, kubernetes=kubernetes, servers=loaded)
    finally:
        await cluster.stop()


async def settled(control: Control, servers: int) -> int:
    """Wait until project demo has got so many servers; how many it has, which may be more from an earlier time."""
    found = 0

    async def loaded() -> bool:
        nonlocal found
        project = await control.get(f"/api/v1/namespaces/{DEMO_NAMESPACE}")
        found = int(project["metadata"].get("annotations", {}).get(LOADED, 0))
        return found >= servers

    await control.until(patience(servers), f"{servers} servers", loaded)
    await control.close()
    return found


def patience(servers: int) -> float:
    """Seconds that may pass for so many servers."""
    return PATIENCE + servers / SERVERS_A_SECOND


async def install(reactor: Any, cluster: RealCluster | SandboxCluster, place: Place) -> Mapping[str, str]:
    """Put into our own cluster what Dicot needs, and beside it what people need; the passwords."""
    place.prepare()
    try:
        await apply_manifests(cluster.control)
        await write_login(cluster.control, cluster.kubeconfig, place.kubeconfig)
        passwords = await make_people(reactor, cluster.control, place.kubeconfig)
        await write_tenant(cluster.control, cluster.kubeconfig, place.tenant)
    except Failed as error:
        raise SystemExit(str(error)) from None
    finally:
        await cluster.control.close()
    write_clouds(place.clouds, place.url, passwords)
    return passwords


def known(passwords: Mapping[str, str]) -> Passwords:
    """Passwords that need not be asked for."""

    async def found() -> Mapping[str, str]:
        return passwords

    return found


async def serve_somebodys(reactor: Any, place: Place, kubeconfig: Path) -> None:
    """Serve a cluster that was given; nothing is installed there."""
    try:
        kube = somebodys.reach(reactor, kubeconfig)
        commands = await somebodys.lacking(kube, kubeconfig, BIN / "dicot")
        if commands:
            raise SystemExit(guide.not_installed(kubeconfig, commands))
        place.prepare()
        await somebodys.write_own_login(kube, kubeconfig, place.kubeconfig)
        openstack = deferToThread(installed_client)
        await serve_dicot(reactor, place, lambda: somebodys.passwords(kube), openstack, guide.LOOK)
    except Unusable as error:
        raise SystemExit(str(error)) from None
    except (Refused, Doubtful, Unreachable, OSError) as error:
        raise SystemExit(f"{kubeconfig}: {error}") from None


async def serve_dicot(
    reactor: Any,
    place: Place,
    passwords: Passwords,
    openstack: Deferred[Path | None],
    lines: Sequence[str] = guide.JOURNEY,
    kubernetes: Sequence[str] = (),
    servers: int = 0,
) -> None:
    """Run Dicot, tell how to log in once it is ready, and keep it until cancelled."""
    twistd = [str(BIN / "twistd"), "--nodaemon", "--pidfile=", "dicot", "--config", str(place.settings)]
    dicot = Program(reactor, "dicot", twistd, place.log, {"PYTHONPATH": str(ROOT)})
    front = Control(reactor, place.url)
    people: dict[str, str] = {}

    async def ready() -> bool:
        if dicot.failures:
            raise Overdue("it ended by itself")
        return await front.answers("/readyz")

    async def founded() -> bool:
        """Dicot makes the administrator when it starts for the first time."""
        people.update(await passwords())
        return "admin" in people

    dicot.start()
    try:
        await front.until(patience(servers), "Dicot", ready)
        await front.until(PATIENCE, "the administrator's password", founded)
        command = await openstack
        write_clouds(place.clouds, place.url, people)
        cloud = "dicot" if "demo" in people else "dicot-admin"
        tell(*guide.served(place.url, place.clouds, cloud, command, place.log, lines), *kubernetes)
        await Deferred()
    except Overdue as error:
        raise SystemExit(f"Dicot is not ready: {error}\n{dicot.tail()}") from error
    finally:
        await dicot.kill()
        await front.close()


def installed_client() -> Path | None:
    """The ``openstack`` command in an environment of its own; None where it could not be installed."""
    try:
        return client("openstack") / "openstack"
    except (OSError, subprocess.CalledProcessError):
        return None


def tell(*lines: str) -> None:
    print("\n".join(lines), flush=True)


def main() -> None:
    options = parse(sys.argv[1:])
    session.run(lambda reactor, folder: serve(reactor, options, folder), options.folder)


if __name__ == "__main__":
    main()
