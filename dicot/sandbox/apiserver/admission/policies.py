"""ValidatingAdmissionPolicies with their bindings (apiserver, pkg/admission/plugin/policy/validating)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Manifest

from ..refusal import Cause, Refusal
from ..rights.refusals import forbidden, refused_fields, wrong_value
from ..rights.reviews import shown
from ..seams import Change, Objects, Review
from .matching import matches

GROUP = "admissionregistration.k8s.io"
POLICIES, BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
CODES: Mapping[str, int] = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}
_UNSERVED = ("paramKind", "auditAnnotations")


class Undefined(Exception):
    """An expression that has no value, such as one that reads a field that is absent; says why in CEL's words."""


class Malformed(Exception):
    """A text that is no expression."""


Expression = Callable[[Mapping[str, Any]], object]
"""A compiled expression of CEL: its value for variables by name. Raises Undefined."""
Compile = Callable[[str], Expression]
"""Raises Malformed."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What must hold, and what is said where it does not."""

    text: str
    holds: Expression
    message: str
    says: Expression | None
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, compiled. One that ``ignores`` lets pass what it cannot decide."""

    name: str
    constraints: Manifest
    ignores: bool
    conditions: tuple[tuple[str, Expression], ...]
    variables: tuple[tuple[str, str, Expression], ...]
    validations: tuple[Validation, ...]


def compiled(found: Manifest, compile: Compile) -> Policy:
    """A policy as it is stored."""
    spec = found["spec"]
    return Policy(
        found["metadata"]["name"],
        spec["matchConstraints"],
        spec.get("failurePolicy", "Fail") == "Ignore",
        tuple((each["expression"], compile(each["expression"])) for each in spec.get("matchConditions") or ()),
        tuple(
            (each["name"], each["expression"], compile(each["expression"])) for each in spec.get("variables") or ()
        ),
        tuple(_validation(each, compile) for each in spec.get("validations") or ()),
    )


def _validation(written: Manifest, compile: Compile) -> Validation:
    text, says = written["expression"], written.get("messageExpression")
    said = None if not says else compile(says)
    return Validation(text, compile(text), written.get("message", ""), said, written.get("reason") or "Invalid")


class Policies:
    """Those that are stored, asked at each write."""

    def __init__(self, objects: Objects, compile: Compile) -> None:
        self._objects = objects
        self._compile = compile
        self._policies: dict[str, Policy] = {}
        self._bindings: dict[str, dict[str, Manifest]] = {}
        for policy in objects.list(GROUP, POLICIES):
            self._policies[policy["metadata"]["name"]] = compiled(policy, compile)
        for binding in objects.list(GROUP, BINDINGS):
            self._bind(binding)
        objects.listen(self._changed)

    def _changed(self, change: Change) -> None:
        if change.resource.group != GROUP:
            return
        new = None if change.new is None else json.loads(change.new)
        if change.resource.plural == POLICIES:
            self._policies.pop(change.name, None)
            if new is not None:
                self._policies[change.name] = compiled(new, self._compile)
        elif change.resource.plural == BINDINGS:
            for bindings in self._bindings.values():
                bindings.pop(change.name, None)
            if new is not None:
                self._bind(new)

    def _bind(self, binding: Manifest) -> None:
        self._bindings.setdefault(binding["spec"]["policyName"], {})[binding["metadata"]["name"]] = binding

    def mutate(self, review: Review) -> Manifest | None:
        """Nothing."""
        return None

    def validate(self, review: Review) -> None:
        """Raises Refusal with the first thing that is denied."""
        if review.resource.group == GROUP:
            _served(review)
            if review.resource.plural == POLICIES and review.new is not None:
                self._well_formed(review, review.new)
            return
        for binding, policy, message, reason in self._denials(review):
            raise _denied(review, policy, binding, message, reason)

    def _well_formed(self, review: Review, policy: Manifest) -> None:
        """Raises Refusal (422) for texts that are no expressions."""
        wrong: list[Cause] = []
        for field, text in _expressions(policy):
            try:
                self._compile(text)
            except Malformed as error:
                wrong.append(wrong_value(field, text, f"compilation failed: {error}"))
        if wrong:
            raise refused_fields(GROUP, review.resource.kind, review.name, wrong)

    def _denials(self, review: Review) -> Iterator[tuple[str, str, str, str]]:
        namespace: Manifest | None = None
        if review.namespace and review.resource.name != "namespaces":
            namespace = self._objects.get("", "namespaces", "", review.namespace)
        for policy in self._policies.values():
            bindings = self._bindings.get(policy.name)
            if not bindings or not matches(policy.constraints, review, namespace):
                continue
            failures: list[tuple[str, str]] | None = None
            for name, binding in bindings.items():
                if not matches(binding["spec"].get("matchResources") or {}, review, namespace):
                    continue
                if failures is None:
                    failures = list(failed(policy, _bound(review, namespace)))
                for message, reason in failures:
                    yield name, policy.name, message, reason


def failed(policy: Policy, known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(message, reason) of each validation that does not hold for a request."""
    try:
        if not all(_value(text, condition, known) for text, condition in policy.conditions):
            return
    except Undefined as error:
        yield from _undecided(policy, error)
        return
    known["variables"] = Variables(policy.variables, known)
    for validation in policy.validations:
        try:
            holds = _value(validation.text, validation.holds, known)
        except Undefined as error:
            yield from _undecided(policy, error)
            continue
        if holds is not True:
            yield _message(validation, known), validation.reason


class Variables(Mapping[str, object]):
    """The variables of a policy, each computed when it is first asked for."""

    def __init__(self, named: Iterable[tuple[str, str, Expression]], known: Mapping[str, Any]) -> None:
        self._named = {name: (text, expression) for name, text, expression in named}
        self._known = known
        self._values: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        if name not in self._values:
            text, expression = self._named[name]
            self._values[name] = _value(text, expression, self._known)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)


def _value(text: str, expression: Expression, known: Mapping[str, Any]) -> object:
    try:
        return expression(known)
    except Undefined as error:
        raise Undefined(f"expression '{text}' resulted in error: {error}") from None


def _undecided(policy: Policy, error: Undefined) -> Iterator[tuple[str, str]]:
    if not policy.ignores:
        yield str(error), "Invalid"


def _message(validation: Validation, known: Mapping[str, Any]) -> str:
    said: object = ""
    if validation.says is not None:
        try:
            said = validation.says(known)
        except Undefined:
            said = ""
    if isinstance(said, str) and said.strip() and "\n" not in said:
        return said.strip()
    return validation.message.strip() or f"failed expression: {validation.text.strip()}"


def _bound(review: Review, namespace: Manifest | None) -> dict[str, object]:
    resource = review.resource
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    of = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    request = {
        "kind": kind,
        "resource": of,
        "subResource": review.subresource,
        "requestKind": kind,
        "requestResource": of,
        "requestSubResource": review.subresource,
        "name": review.name,
        "namespace": review.namespace,
        "operation": review.operation,
        "userInfo": shown(review.user),
        "dryRun": review.dry,
    }
    objects = {"object": review.new, "oldObject": review.old, "namespaceObject": namespace, "params": None}
    return {"request": request, **objects}


def _denied(review: Review, policy: str, binding: str, why: str, reason: str) -> Refusal:
    message = f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {why}"
    refusal = forbidden(review.resource.group, review.resource.plural, review.name, message)
    refusal.code, refusal.reason, refusal.causes = CODES[reason], reason, (Cause("", message),)
    return refusal


def _expressions(policy: Manifest) -> Iterator[tuple[str, str]]:
    """All texts of a policy, by the fields that hold them."""
    for field in ("matchConditions", "variables", "validations"):
        for at, each in enumerate(policy["spec"].get(field) or ()):
            for name in ("expression", "messageExpression"):
                if each.get(name):
                    yield f"spec.{field}[{at}].{name}", each[name]


def _served(review: Review) -> None:
    """What the sandbox's own policies cannot say yet is refused when it is written, not passed over later."""
    spec = (review.new or {}).get("spec") or {}
    said = [field for field in _UNSERVED if spec.get(field)]
    said += [action for action in spec.get("validationActions") or () if action != "Deny"]
    if said:
        raise Refusal(501, "NotImplemented", f"policies with {said[0]} are not served here")
