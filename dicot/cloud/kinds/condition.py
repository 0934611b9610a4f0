"""Conditions, as all kinds have them in their status (apimachinery, metav1.Condition)."""

import msgspec


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A status condition."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    lastTransitionTime: str | None = None


class Conditions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The status of an object of Dicot's own."""

    conditions: tuple[Condition, ...] = ()
