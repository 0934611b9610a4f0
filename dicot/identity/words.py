"""Keystone's sentences (keystone 30.0.0, exception.py), which clients match."""

from ..faults import BadRequest, Fault, Forbidden, NotFound, Unauthorized

REFUSED = "The request you have made requires authentication."
UNSUPPORTED_METHOD = "Attempted to authenticate with an unsupported method."
_FORBIDDEN = "You are not authorized to perform the requested action"


def expected(attribute: str, target: str) -> Fault:
    """Something is missing from the request."""
    return BadRequest(
        f"Expecting to find {attribute} in {target}. The server could not comply with the request since it is either"
        " malformed or otherwise incorrect. The client is assumed to be in error."
    )


def forbidden(action: str = "") -> Fault:
    """The action is not for this caller."""
    return Forbidden(f"{_FORBIDDEN}: {action}." if action else f"{_FORBIDDEN}.")


def unauthorized() -> Fault:
    """Any reason there may be: which one is not told."""
    return Unauthorized(REFUSED)


def no_such(kind: str, id: str) -> Fault:
    """Nothing of that id."""
    return NotFound(f"Could not find {kind}: {id}.")


def no_such_marker(marker: str) -> Fault:
    """Nothing from which a list could go on."""
    return NotFound(f"Marker {marker} could not be found.")


def no_such_token() -> Fault:
    """The subject token does not count. Keystone repeats its text here; tokens do not belong into answers."""
    return NotFound("Could not find token.")
