"""Whether the authorizer knows already what was bound."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from twisted.internet.task import deferLater

from ...kube.address import Place
from ...kube.kind import Manifest
from ..resource import Right
from ..writing.cluster import Cluster

_REVIEWS = Place("authorization.k8s.io", "v1", "subjectaccessreviews")
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    """May a ServiceAccount do that in a namespace?"""

    account_namespace: str
    account: str
    right: Right
    namespace: str
    name: str = ""

    def review(self) -> Manifest:
        """The SubjectAccessReview; the groups are those that a ServiceAccount has by itself."""
        resource, _, subresource = self.right.resource.partition("/")
        attributes = {
            "namespace": self.namespace,
            "verb": self.right.verbs[0],
            "group": self.right.group,
            "resource": resource,
            "subresource": subresource,
            "name": self.name,
        }
        groups = [
            "system:serviceaccounts",
            f"system:serviceaccounts:{self.account_namespace}",
            "system:authenticated",
        ]
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{self.account_namespace}:{self.account}",
                "groups": groups,
                "resourceAttributes": attributes,
            },
        }


async def known(cluster: Cluster, questions: Iterable[Question], patience: float = 5.0) -> bool:
    """Whether all may, asked again until they do, at most so many seconds."""
    until = cluster.now() + patience
    for question in questions:
        while not await _allowed(cluster, question, max(until - cluster.now(), _PAUSE)):
            if cluster.now() + _PAUSE > until:
                return False
            await deferLater(cluster.clock, _PAUSE)
    return True


async def _allowed(cluster: Cluster, question: Question, within: float) -> bool:
    answer = await cluster.kube.create(_REVIEWS, question.review(), within=within)
    return msgspec.json.decode(answer, type=_Review).status.allowed


class _Status(msgspec.Struct, frozen=True):
    allowed: bool = False


class _Review(msgspec.Struct, frozen=True):
    status: _Status = _Status()
