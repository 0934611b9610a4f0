"""A report, as monitoring tells it."""

from dataclasses import fields
from typing import Any

from dicot.cloud.chores.presence import Replica
from dicot.cloud.features import Features, StorageClass
from dicot.kube.health import Health
from dicot.status.findings import findings
from dicot.status.report import Lag, Report, Told
from dicot.status.traffic import Served

RICH = Features(
    kubernetes="v1.36.3",
    kubevirt="v1.8.4",
    cdi="v1.65.0",
    gates=frozenset({"Snapshot"}),
    live_update=True,
    storage_classes=(StorageClass("standard", "disk.example", "Immediate"),),
    default_class="standard",
)


def health(kind: str = "virtualmachines.kubevirt.io", **known: Any) -> Health:
    """How a watch fares; what is not named is nothing."""
    shown: dict[str, Any] = {
        "kind": kind,
        "scope": "",
        "state": "watching",
        "problem": "",
        "synced": True,
        "version": "7",
        "byte_age": 1.5,
        "event_age": None,
    }
    rest = {field.name: 0 for field in fields(Health)}
    return Health(**{**rest, **shown, **known})


def report(**known: Any) -> Report:
    """One replica that is well."""
    features = known.get("features", RICH)
    kinds = known.get("kinds", (health(count=1234, events=5),))
    whole: dict[str, Any] = {
        "time": 1_800_000_000.0,
        "version": "0.1.0",
        "replica": "one-12345678",
        "uptime": 3725.0,
        "is_steward": True,
        "checks": {"token keys": True},
        "features": features,
        "findings": findings(features, kinds),
        "kinds": kinds,
        "served": (Served("compute GET /servers", 10, 2, 1, 0.5, 0.002, 0.05),),
        "lag": Lag(0.0004, 0.02),
        "collection": 0.125,
        "events": Told(9, 2),
        "left_out": 7,
        "replicas": (Replica("one-12345678", 3.0, True), Replica("two-87654321", 75.0, False)),
    }
    return Report(**{**whole, **known})
