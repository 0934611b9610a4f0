"""What the steward does for identity."""

from ..cloud.steward import Hook
from .desk import Desk


def chores(desk: Desk, life: float) -> tuple[Hook, ...]:
    """Rotating the token keys, which seal tokens of ``life`` seconds; sweeping expired revocations."""

    async def rotate() -> None:
        await desk.ring.rotate(life)

    async def sweep() -> None:
        await desk.revocations.sweep()

    return Hook(rotate, period=60.0), Hook(sweep, period=300.0)
