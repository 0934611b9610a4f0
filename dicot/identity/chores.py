"""What the steward does for identity."""

from ..cloud.chores.steward import Hook
from .desk import Desk


def chores(desk: Desk, life: float) -> tuple[Hook, ...]:
    """Rotating the token keys, which seal tokens of ``life`` seconds."""

    async def rotate() -> None:
        await desk.ring.rotate(life)

    return (Hook(rotate),)
