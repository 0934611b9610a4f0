"""No call to Kubernetes that the table of calls does not know, in the tests over a Kubernetes in memory."""

from collections.abc import Mapping

from dicot.cloud.tenancy.calls import call_of, calls, covering
from dicot.config import Config
from dicot.kube.address import Account, Place
from dicot.served import resources

VERBS: Mapping[str, str] = {
    "create": "create",
    "read": "get",
    "find": "list",
    "all": "list",
    "replace": "update",
    "patch": "patch",
    "delete": "delete",
}
"""Of RBAC, by what is called; any other is an action, which is an update of its subresource."""
TABLE = calls(resources(Config()))


def permitted(verb: str, at: Place, acting_as: Account | None) -> None:
    """Fails for a call that no cluster would let Dicot make."""
    made = call_of(VERBS.get(verb, "update"), at, acting_as)
    if covering(TABLE, made) is None:
        raise AssertionError(
            f"Dicot has no right to {made}. Add a Right with its reason to `rights` of the resource whose operation "
            "makes this call, or to OWN or MEMBER in dicot/cloud/tenancy/calls.py; then run `dicot manifests --write "
            "etc/kubernetes`"
        )
