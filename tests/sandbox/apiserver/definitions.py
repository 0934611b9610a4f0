"""The CustomResourceDefinitions of a sandbox, for unit tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from dicot.kube.kind import Manifest
from dicot.sandbox import facts
from dicot.sandbox.apiserver import custom
from dicot.sandbox.apiserver.resource import Resource

OWN = Path(__file__).parents[3] / "etc" / "kubernetes" / "crds"


@cache
def known() -> dict[str, Manifest]:
    """All of them, by their names."""
    own = [yaml.safe_load(each.read_text()) for each in sorted(OWN.glob("*.yaml"))]
    return {each["metadata"]["name"]: each for each in (*own, *facts.definitions())}


@cache
def resource(api_version: str, plural: str) -> Resource:
    """A custom resource in a version."""
    group, _, version = api_version.partition("/")
    return custom.versions(known()[f"{plural}.{group}"])[version]
