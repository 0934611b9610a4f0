"""Questions about rights and tokens, answered without being stored (authentication and authorization.k8s.io)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..asked import Attributes, User
from ..refusal import Cause
from ..seams import Authorizer, Posted, Poster
from .credentials import AUDIENCES, Credentials, Rejected
from .rbac import Rights
from .refusals import bad_request, refused_fields, wrong_value
from .rules import Rule

AUTHENTICATION, AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


class Reviews:
    """Answers them all."""

    def __init__(self, rights: Rights, credentials: Credentials, seconds: Callable[[], float]) -> None:
        self._rights = rights
        self._credentials = credentials
        self._seconds = seconds

    def posters(self) -> Mapping[tuple[str, str], Poster]:
        """What answers them, by group and plural."""
        return {
            ("", "serviceaccounts/token"): self._request,
            (AUTHENTICATION, "tokenreviews"): self._token,
            (AUTHENTICATION, "selfsubjectreviews"): self._self,
            (AUTHORIZATION, "subjectaccessreviews"): self._access,
            (AUTHORIZATION, "localsubjectaccessreviews"): self._access,
            (AUTHORIZATION, "selfsubjectaccessreviews"): self._own_access,
            (AUTHORIZATION, "selfsubjectrulesreviews"): self._own_rules,
        }

    def _request(self, posted: Posted) -> Manifest:
        return self._credentials.request(posted.namespace, posted.name, posted.body)

    def _token(self, posted: Posted) -> Manifest:
        spec = posted.body.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        try:
            known = self._credentials.know(token, tuple(spec.get("audiences") or AUDIENCES))
        except Rejected as rejected:
            return _answer(AUTHENTICATION, "TokenReview", spec, {"user": {}, "error": str(rejected)})
        status = {"authenticated": True, "user": shown(known.user), "audiences": list(known.audiences)}
        return _answer(AUTHENTICATION, "TokenReview", spec, status)

    def _self(self, posted: Posted) -> Manifest:
        return {
            "kind": "SelfSubjectReview",
            "apiVersion": f"{AUTHENTICATION}/v1",
            "metadata": {"creationTimestamp": stamp(self._seconds())},
            "status": {"userInfo": shown(posted.user)},
        }

    def _access(self, posted: Posted) -> Manifest:
        spec, namespace = posted.body.get("spec") or {}, posted.namespace
        kind = "LocalSubjectAccessReview" if namespace else "SubjectAccessReview"
        wrong = _wrong_attributes(spec)
        if not (spec.get("user") or spec.get("groups")):
            wrong.append(wrong_value("spec.user", "", "at least one of user or group must be specified"))
        wrong.extend(_wrong_metadata(posted.body, namespace))
        if namespace:
            wrong.extend(_wrong_place(spec, namespace))
        _refuse(wrong)
        extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
        subject = User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)
        answer = _answer(AUTHORIZATION, kind, spec, decided(self._rights, subject, spec))
        if namespace:
            answer["metadata"] = {"namespace": namespace}
        return answer

    def _own_access(self, posted: Posted) -> Manifest:
        spec = posted.body.get("spec") or {}
        _refuse([*_wrong_attributes(spec), *_wrong_metadata(posted.body, "")])
        return _answer(AUTHORIZATION, "SelfSubjectAccessReview", spec, decided(self._rights, posted.user, spec))

    def _own_rules(self, posted: Posted) -> Manifest:
        at = (posted.body.get("spec") or {}).get("namespace") or ""
        if not at:
            raise bad_request("no namespace on request")
        rules, amiss = self._rights.rules_for(posted.user, at)
        status: Manifest = {
            "resourceRules": [_resources(rule) for rule in rules if rule.resources],
            "nonResourceRules": [_paths(rule) for rule in rules if rule.urls],
            "incomplete": False,
        }
        if amiss:
            status["evaluationError"] = amiss
        return _answer(AUTHORIZATION, "SelfSubjectRulesReview", {}, status)


def shown(user: User) -> Manifest:
    """A user as UserInfo."""
    info: Manifest = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def decided(authorizer: Authorizer, user: User, spec: Manifest) -> Manifest:
    """The status of an access review."""
    verdict = authorizer.authorize(user, _attributes(spec))
    status: Manifest = {"allowed": verdict.allowed}
    if verdict.reason:
        status["reason"] = verdict.reason
    return status


def _attributes(spec: Manifest) -> Attributes:
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(path.get("verb") or "", path=path.get("path") or "")
    asked = spec["resourceAttributes"]
    fields = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
    return Attributes(*(asked.get(field) or "" for field in fields))


def _answer(group: str, kind: str, spec: Manifest, status: Manifest) -> Manifest:
    return {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {}, "spec": spec, "status": status}


def _wrong_attributes(spec: Manifest) -> list[Cause]:
    path, resource = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    if path is not None and resource is not None:
        why = "cannot be specified in combination with resourceAttributes"
        return [wrong_value("spec.nonResourceAttributes", _go(path), why)]
    return [wrong_value("spec.resourceAttributes", None, _ONE)] if path is None and resource is None else []


def _wrong_metadata(body: Manifest, namespace: str) -> list[Cause]:
    said = dict(body.get("metadata") or {})
    if namespace:
        said.pop("namespace", None)
    why = "must be empty except for namespace" if namespace else "must be empty"
    return [wrong_value("metadata", said, why)] if said else []


def _wrong_place(spec: Manifest, namespace: str) -> list[Cause]:
    path, resource = spec.get("nonResourceAttributes"), spec.get("resourceAttributes") or {}
    if path is not None:
        return [wrong_value("spec.nonResourceAttributes", _go(path), "disallowed on this kind of request")]
    at = resource.get("namespace") or ""
    why = "must match metadata.namespace"
    return [wrong_value("spec.resourceAttributes.namespace", at, why)] if at != namespace else []


def _go(path: Manifest) -> Manifest:
    """NonResourceAttributes as the server's own type is printed."""
    return {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}


def _refuse(wrong: list[Cause]) -> None:
    """The server forgets the kind here, and clients see it (a review has none inside the server)."""
    if wrong:
        raise refused_fields(AUTHORIZATION, "", "", wrong)


def _resources(rule: Rule) -> Manifest:
    said: Manifest = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
    return {**said, "resourceNames": list(rule.names)} if rule.names else said


def _paths(rule: Rule) -> Manifest:
    return {"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)}
