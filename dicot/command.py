"""The ``dicot`` command: what is installed into a cluster, and what an administrator does there once."""

import argparse
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from . import restore as backups
from .assembly import Parts, assembled
from .check import UNKNOWN, code, examined, told
from .cloud.tenancy.calls import Call, calls
from .cloud.tenancy.manifests import manifests
from .config import Config, ConfigError, read
from .faults import Fault
from .identity.boot import first_boot
from .identity.seed import demo, seed
from .kube.credentials import Unusable, load
from .kube.errors import Doubtful, Refused, Unreachable
from .kube.kind import Manifest
from .names import IMAGES_NAMESPACE
from .served import resources
from .web.listen import CannotListen, certificate

WRITTEN = "# Written by `dicot manifests --write etc/kubernetes`; dicot/cloud/tenancy says what is in it.\n"
REFUSALS = (ConfigError, CannotListen, Unusable, backups.Unreadable, Refused, Doubtful, Unreachable, Fault)


def installation() -> list[Manifest]:
    """Namespaces, roles, policies and Dicot's account, generated from what the code calls."""
    return manifests(resources(Config()))


def files(found: Sequence[Manifest]) -> dict[str, str]:
    """The manifests as the files of a folder, by name, in the order in which they are applied."""
    placed: dict[str, list[Manifest]] = {"namespaces.yaml": [], "rights.yaml": [], "policies.yaml": []}
    for each in found:
        kind = each["kind"]
        name = "namespaces" if kind == "Namespace" else "policies" if "AdmissionPolicy" in kind else "rights"
        placed[f"{name}.yaml"].append(each)
    return {name: WRITTEN + yaml.safe_dump_all(each, sort_keys=False) for name, each in placed.items()}


def table(found: Iterable[Call]) -> list[str]:
    """The calls as a table in Markdown: those of one resource for one reason in a line."""
    together: dict[tuple[str, ...], list[str]] = {}
    for call in found:
        together.setdefault((call.account or "Dicot", call.reach, call.what, call.why), []).append(call.verb)
    lines = [
        f"| {account} | {where} | {resource} | {', '.join(verbs)} | {why} |"
        for (account, where, resource, why), verbs in together.items()
    ]
    return ["| as | in | resource | verbs | why |", "|---|---|---|---|---|", *lines]


def _manifests(options: argparse.Namespace) -> int:
    if options.write:
        for name, content in files(installation()).items():
            Path(options.write, name).write_text(content, encoding="utf-8")
        return 0
    try:
        _show(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough (`| head`); what is still held back goes nowhere, without a complaint.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _show(options: argparse.Namespace) -> None:
    if options.table:
        print("\n".join(table(calls(resources(Config())))))
    elif options.json:
        json.dump({"apiVersion": "v1", "kind": "List", "items": installation()}, sys.stdout, indent=1)
    else:
        yaml.safe_dump_all(installation(), sys.stdout, sort_keys=False)


async def _with(reactor: Any, options: argparse.Namespace, work: Callable[[Parts], Awaitable[object]]) -> None:
    """Runs work with the parts of a daemon that is not started: nothing is watched, every read is live."""
    config = read(options.config) if options.config else Config(kubeconfig=options.kubeconfig)
    if any(address.tls for address in config.listen):
        certificate(config.tls_certificate, config.tls_key, "api.tls_certificate")
    credentials = load(config.kubeconfig, config.context, reactor, allow_insecure=config.allow_insecure)
    parts = assembled(reactor, config, credentials)
    parts.pool.start()
    try:
        await work(parts)
    finally:
        parts.pool.stop()


def _run(options: argparse.Namespace, work: Callable[[Parts], Awaitable[object]], refused: int = 1) -> int:
    """The exit code. What is refused is one line on standard error, and that code."""

    async def told(reactor: Any) -> None:
        try:
            await _with(reactor, options, work)
        except REFUSALS as error:
            print(f"dicot: {error}", file=sys.stderr)
            raise SystemExit(refused) from None

    try:
        react(lambda reactor: Deferred.fromCoroutine(told(reactor)))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _adopt(options: argparse.Namespace) -> int:
    async def adopt(parts: Parts) -> None:
        if options.images:
            await parts.writes.bootstrap.images(options.namespace)
            print(f"namespace {options.namespace} holds public images")
        else:
            print(await parts.writes.bootstrap.adopt(options.namespace))

    return _run(options, adopt)


def _demo(options: argparse.Namespace) -> int:
    async def found(parts: Parts) -> None:
        await first_boot(parts.founding, parts.kube, parts.config.admin_secret, os.urandom)
        await parts.writes.bootstrap.images(IMAGES_NAMESPACE)
        await seed(parts.founding, [demo(os.environ["DICOT_DEMO_PASSWORD"])])

    if not os.environ.get("DICOT_DEMO_PASSWORD"):
        print("dicot: DICOT_DEMO_PASSWORD holds no password", file=sys.stderr)
        return 1
    return _run(options, found)


def _check(options: argparse.Namespace) -> int:
    """Exit code 0: nothing that Dicot needs is missing; 1: something is; 2: the cluster did not tell."""

    async def check(parts: Parts) -> None:
        found = await examined(parts.kube, resources(parts.config))
        sys.stdout.write(told(found))
        raise SystemExit(code(found))

    return _run(options, check, UNKNOWN)


def _restore(options: argparse.Namespace) -> int:
    async def restore(parts: Parts) -> None:
        backup = backups.read(sys.stdin.read())
        async for line in backups.restored(parts.kube, parts.writes.bootstrap, resources(parts.config), backup):
            print(line, flush=True)

    return _run(options, restore)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="dicot", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shown = commands.add_parser("manifests", help="print what `kubectl apply` installs beside the CRDs")
    shown.add_argument(
        "--write", metavar="FOLDER", help="write it into the files of a folder (etc/kubernetes) instead"
    )
    shown.add_argument("--table", action="store_true", help="as a table, the rights alone, each with its reason")
    shown.add_argument("--json", action="store_true", help="as one JSON list instead of YAML documents")
    shown.set_defaults(run=_manifests)
    adopted = commands.add_parser("adopt", help="make a namespace that exists a project, and print its id")
    adopted.add_argument("namespace")
    adopted.add_argument("--images", action="store_true", help="make it a place of public images instead")
    adopted.set_defaults(run=_adopt)
    tried = commands.add_parser("demo", help="make user and project demo, and show the images in dicot-images")
    tried.set_defaults(run=_demo)
    checked = commands.add_parser("check", help="tell what the cluster has of what Dicot needs, and what to apply")
    checked.set_defaults(run=_check)
    restored = commands.add_parser("restore", help="make what `kubectl get -o yaml` told, read from standard input")
    restored.set_defaults(run=_restore)
    for command in (adopted, tried, checked, restored):
        command.add_argument("--config", default="", help="the daemon's configuration file")
        command.add_argument("--kubeconfig", default="", help="without a configuration: the cluster")
    options = parser.parse_args(arguments)
    code: int = options.run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
