"""What Kubernetes refused. Only this package reads a Status."""

from collections.abc import Mapping


class Refused(Exception):
    """Final: nothing was written.

    ``reason`` is Status.reason, ``message`` Status.message, ``causes`` the (field, message) pairs of Status.details.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        causes: tuple[tuple[str, str], ...] = (),
        retry_after: int = 0,
    ) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after


class Missing(Refused):
    """404: no such object, or no such kind."""


class Conflict(Refused):
    """409: the resourceVersion or another precondition is stale, or the state does not allow it."""


class Exists(Conflict):
    """409 AlreadyExists."""


class Denied(Refused):
    """403: by RBAC, quota or admission. ``own_account`` is True where the refused user is Dicot's own account."""

    own_account: bool = False


class Unauthenticated(Refused):
    """401: the credential was not accepted, also after it was read again."""


class Invalid(Refused):
    """400, 413 or 422: the object or the patch is wrong."""


class Expired(Refused):
    """410: the version or the continue token is gone."""


class Throttled(Refused):
    """429 beyond what was waited for; ``retry_after`` in seconds."""


class Failed(Refused):
    """Any other 4xx or a 5xx that says for certain that nothing was written."""


class Doubtful(Exception):
    """Nobody knows whether it was written: a cut answer, a timeout after sending, a 500, 502 or 504."""


class Unreachable(Exception):
    """It was never sent: no connection."""


Headers = Mapping[str, str]
