"""What the steward does for identity."""

from collections.abc import Callable

from ..cloud.chores.steward import Hook
from .desk import Desk


def chores(desk: Desk, life: float) -> tuple[Hook, ...]:
    """Rotating the token keys, which seal tokens of ``life`` seconds."""

    async def rotate() -> None:
        await desk.ring.rotate(life)

    def lost(wake: Callable[[], None]) -> None:
        """Nobody is let in while there are no keys: whoever deletes them wants new ones."""
        desk.ring.listen(lambda: None if desk.ring.ready else wake())

    return (Hook(rotate, waking=lost),)
