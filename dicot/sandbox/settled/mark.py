"""How settled servers are told from others: a label while they sleep, an annotation once they have been woken."""

from dicot.kube.kind import Meta
from dicot.moments import read

SETTLED = "sandbox.dicot.io/settled"
"""Label of objects at rest in great numbers: nothing is decided about them until it is gone."""
WOKEN = "sandbox.dicot.io/woken"
"""Annotation: when that was."""
UNSETTLED = f"!{SETTLED}"
"""Selects everything else."""
CALM = 2.0
"""Seconds in which nothing is decided about a woken object: those that belong together come by several watches."""
_SETTLED, _WOKEN = f'"{SETTLED}":'.encode(), WOKEN.encode()


def is_settled(body: bytes | None) -> bool:
    """Whether an object sleeps. Between quotes a quote is escaped, so that this can only be a member."""
    return body is not None and _SETTLED in body


def may_be_woken(body: bytes) -> bool:
    """Whether it is worth looking closer."""
    return _WOKEN in body


def calm(meta: Meta, now: float) -> float:
    """Seconds for which an object is left alone."""
    since = read(meta.annotations.get(WOKEN))
    return max(0.0, since + CALM - now) if since is not None else 0.0
