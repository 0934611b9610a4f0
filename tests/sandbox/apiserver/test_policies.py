"""ValidatingAdmissionPolicies. Expressions are Python here: CEL has tests of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.admission.matching import matches
from dicot.sandbox.apiserver.admission.policies import (
    BINDINGS,
    GROUP,
    POLICIES,
    Expression,
    Malformed,
    Policies,
    Undefined,
)
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.seams import Review

from .asking import Stored, resource, review, thing


def absent(known: Mapping[str, Any]) -> object:
    raise Undefined("no such key: data")


WORDS: Mapping[str, Expression] = {
    "no": lambda known: False,
    "yes": lambda known: True,
    "broken": absent,
    "is ann": lambda known: known["request"]["userInfo"]["username"] == "ann",
    "name": lambda known: (known["object"] or known["oldObject"])["metadata"]["name"],
    "name is x": lambda known: known["variables"]["name"] == "x",
    "labelled": lambda known: known["namespaceObject"]["metadata"]["labels"] == {"a": "b"},
    "broken variable": lambda known: known["variables"]["bad"],
}


def rule(plural: str = "*", group: str = "*", operations: str = "*", scope: str = "*") -> Manifest:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": operations.split(),
        "resources": [plural],
        "scope": scope,
    }


def compile(text: str) -> Expression:
    if text not in WORDS:
        raise Malformed(text)
    return WORDS[text]


class PoliciesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.stored = Stored()
        namespace = thing("n", "")
        namespace["metadata"]["labels"] = {"a": "b"}
        self.stored.put("", "namespaces", namespace)
        self.policies = Policies(self.stored, compile)

    def install(self, *validations: Manifest | str, actions: tuple[str, ...] = ("Deny",), **more: object) -> None:
        said = [{"expression": each} if isinstance(each, str) else each for each in validations]
        spec = {"matchConstraints": {"resourceRules": [rule()]}, "validations": said, **more}
        self.stored.write(GROUP, POLICIES, thing("p", "", spec=spec))
        bound = thing("b", "", spec={"policyName": "p", "validationActions": list(actions)})
        self.stored.write(GROUP, BINDINGS, bound)

    def denied(self, asked: Review | None = None) -> str:
        asked = asked or review("pods", thing("a"))
        refusal = self.assertRaises(Refusal, self.policies.validate, asked)
        self.assertEqual((refusal.code, refusal.reason), (422, "Invalid"))
        message, prefix = refusal.causes[0].message, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
        self.assertTrue(message.startswith(prefix), message)
        return str(message.removeprefix(prefix))


class DenialTests(PoliciesTestCase):
    def test_what_does_not_hold_is_denied_with_its_message(self) -> None:
        self.install("yes", {"expression": "no", "message": " never "}, {"expression": "no", "message": "second"})
        self.assertEqual(self.denied(), "never")
        self.install("no")
        self.assertEqual(self.denied(), "failed expression: no")
        self.install({"expression": "no", "messageExpression": "name", "message": "m"})
        self.assertEqual(self.denied(), "a")
        self.install({"expression": "no", "messageExpression": "broken", "message": "m"})
        self.assertEqual(self.denied(), "m")

    def test_a_validation_has_a_reason(self) -> None:
        self.install({"expression": "no", "reason": "Forbidden"})
        refusal = self.assertRaises(Refusal, self.policies.validate, review("pods", thing("a")))
        text = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: no"
        self.assertEqual(
            (refusal.code, refusal.reason, refusal.message), (403, "Forbidden", f'pods "a" is forbidden: {text}')
        )

    def test_what_cannot_be_decided_fails_unless_it_is_ignored(self) -> None:
        self.install("broken")
        self.assertEqual(self.denied(), "expression 'broken' resulted in error: no such key: data")
        self.install("broken", failurePolicy="Ignore")
        self.policies.validate(review("pods", thing("a")))

    def test_conditions_say_whom_it_is_for(self) -> None:
        self.install("no", matchConditions=[{"name": "c", "expression": "no"}])
        self.policies.validate(review("pods", thing("a")))
        self.install("no", matchConditions=[{"name": "c", "expression": "is ann"}])
        self.denied()
        self.install("no", matchConditions=[{"name": "c", "expression": "broken"}])
        self.assertIn("expression 'broken'", self.denied())

    def test_variables_and_the_namespace_are_known(self) -> None:
        named = [{"name": "name", "expression": "name"}, {"name": "bad", "expression": "broken"}]
        self.install("name is x", "labelled", variables=named)
        self.policies.validate(review("pods", thing("x")))
        self.assertEqual(self.denied(review("pods", None, thing("y"))), "failed expression: name is x")
        self.install("broken variable", variables=named)
        inner = "expression 'broken' resulted in error: no such key: data"
        self.assertEqual(self.denied(), f"expression 'broken variable' resulted in error: {inner}")

    def test_a_policy_without_its_binding_denies_nothing(self) -> None:
        self.install("no")
        self.stored.forget(GROUP, BINDINGS, "", "b")
        self.policies.validate(review("pods", thing("a")))

    def test_one_that_is_gone_denies_nothing(self) -> None:
        self.install("no")
        self.stored.forget(GROUP, POLICIES, "", "p")
        self.policies.validate(review("pods", thing("a")))

    def test_what_is_stored_already_is_known(self) -> None:
        self.install("no")
        self.policies = Policies(self.stored, compile)
        self.denied()

    def test_policies_are_not_asked_about_policies(self) -> None:
        self.install("no")
        self.policies.validate(review(POLICIES, thing("p", "", spec={}), group=GROUP))

    def test_a_text_that_is_no_expression_is_refused(self) -> None:
        said = [{"expression": "yes"}, {"expression": "nope +"}]
        asked = review(POLICIES, thing("p", "", spec={"validations": said}), group=GROUP)
        refusal = self.assertRaises(Refusal, self.policies.validate, asked)
        self.assertEqual((refusal.code, refusal.causes[0].field), (422, "spec.validations[1].expression"))
        self.assertIn('Invalid value: "nope +": compilation failed: ', refusal.message)

    def test_what_is_not_served_is_refused_when_it_is_written(self) -> None:
        for spec in ({"paramKind": {"kind": "X"}}, {"validationActions": ["Warn"]}):
            asked = review(POLICIES, thing("p", "", spec=spec), group=GROUP)
            self.assertEqual(self.assertRaises(Refusal, self.policies.validate, asked).code, 501)


class MatchingTests(SynchronousTestCase):
    def test_rules_name_requests(self) -> None:
        pod, node = review("pods", thing("a")), review("nodes", thing("a", ""))
        namespace = review("namespaces", thing("a", ""))
        scaled = Review("UPDATE", pod.user, resource("apps", "deployments"), "scale", "n", "a", {}, {}, False)
        table = (
            (rule(), pod, True),
            (rule("pods", ""), pod, True),
            (rule("secrets", ""), pod, False),
            (rule("pods", "apps"), pod, False),
            (rule(operations="UPDATE DELETE"), pod, False),
            (rule(scope="Namespaced"), pod, True),
            (rule(scope="Cluster"), pod, False),
            (rule(scope="Cluster"), node, True),
            (rule(scope="Namespaced"), namespace, False),
            (rule(), scaled, False),
            (rule("*/*"), scaled, True),
            (rule("deployments/scale"), scaled, True),
            (rule("*/*"), pod, True),
            ({**rule(), "resourceNames": ["b"]}, pod, False),
        )
        for written, asked, meant in table:
            self.assertEqual(
                matches({"resourceRules": [written]}, asked, None), meant, (written, asked.resource.plural)
            )

    def test_labels_narrow_it(self) -> None:
        found = thing("a")
        found["metadata"]["labels"] = {"k": "v"}
        asked, namespace = review("pods", found), found
        table: tuple[tuple[Manifest, bool], ...] = (
            ({"namespaceSelector": {"matchLabels": {"k": "v"}}}, True),
            ({"namespaceSelector": {"matchLabels": {"k": "w"}}}, False),
            ({"objectSelector": {"matchLabels": {"k": "v"}}}, True),
            ({"objectSelector": {"matchLabels": {"k": "w"}}}, False),
            ({"excludeResourceRules": [rule("pods", "")]}, False),
        )
        for constraints, meant in table:
            self.assertEqual(matches(constraints, asked, namespace), meant, constraints)
