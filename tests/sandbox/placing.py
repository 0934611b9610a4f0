"""Objects of a record, whose namespace is called NAMESPACE, and those of a cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from tests.cluster.objects import Document

WORD = "NAMESPACE"


def placed(document: Document, namespace: str) -> Document:
    """It, for a namespace."""
    found: Document = json.loads(json.dumps(document).replace(WORD, namespace))
    return found


def masked(document: Any, namespace: str, masks: Iterable[tuple[str, str]]) -> Any:
    """Without what is chosen anew each time: its namespace, and what the patterns find in its JSON."""
    text = json.dumps(document).replace(namespace, WORD)
    for pattern, instead in masks:
        text = re.sub(pattern, instead, text)
    return json.loads(text)
