"""Tests of what a client is told of Kubernetes' refusals. The messages are those of the real programs."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.plan import Claim, NameTaken, Refusals
from dicot.cloud.writing.refusals import fault, readable
from dicot.faults import BadRequest, Conflict, Fault, Forbidden, NotFound, Unavailable
from dicot.kube import errors


def denied(message: str, *, own: bool = False) -> errors.Denied:
    """A 403."""
    found = errors.Denied(403, "Forbidden", message)
    found.own_account = own
    return found


class TableTests(SynchronousTestCase):
    """One table turns refusals into faults."""

    def test_each_refusal_has_its_fault(self) -> None:
        table: tuple[tuple[Exception, type[Fault], str], ...] = (
            (errors.Unreachable("x"), Unavailable, "The cluster cannot be reached now. Please try again later."),
            (errors.Doubtful("x"), Unavailable, "The cluster cannot be reached now. Please try again later."),
            (
                errors.Unauthenticated(401, "Unauthorized", "Unauthorized"),
                Unavailable,
                "The cluster does not accept this service's account. Please ask an administrator.",
            ),
            (errors.Missing(404, "NotFound", 'vm "x" not found'), NotFound, "The resource could not be found."),
            (
                errors.Conflict(409, "Conflict", "the object has been modified"),
                Conflict,
                "The resource was changed by another request. Please try again.",
            ),
            (NameTaken(Claim("user", "default", "ada", "", "")), Conflict, "The name ada is already in use."),
            (errors.Invalid(422, "Invalid", "no"), BadRequest, "no"),
            (
                errors.Throttled(429, "TooManyRequests", "slow"),
                Unavailable,
                "The cluster is busy. Please try again later.",
            ),
            (
                errors.Failed(500, "InternalError", "failed calling webhook"),
                Unavailable,
                "The cluster cannot be reached now. Please try again later.",
            ),
        )
        for error, kind, message in table:
            found = fault(error, {})
            self.assertIs(type(found), kind, error)
            self.assertEqual(found.message if found else "", message)

    def test_503_says_when_to_come_again(self) -> None:
        for error, seconds in (
            (errors.Unreachable("x"), "1"),
            (errors.Throttled(429, "", "", retry_after=7), "7"),
            (errors.Throttled(429, "", ""), "1"),
            (denied("x", own=True), "30"),
        ):
            found = fault(error, {})
            assert found is not None
            self.assertEqual(found.headers, {"Retry-After": seconds})

    def test_a_refusal_of_dicots_own_account_is_not_the_tenants_whatever_the_plan_says(self) -> None:
        found = fault(denied("x", own=True), {errors.Denied: lambda error: NotFound("mine")})
        self.assertIsInstance(found, Unavailable)

    def test_the_plans_words_are_asked_for_the_nearest_type_first(self) -> None:
        words: Refusals = {
            errors.Conflict: lambda error: Conflict("far"),
            errors.Exists: lambda error: Conflict("near"),
        }
        found = fault(errors.Exists(409, "AlreadyExists", ""), words)
        self.assertEqual(found.message if found else "", "near")

    def test_what_only_a_defect_explains_has_no_fault(self) -> None:
        self.assertIsNone(fault(errors.Failed(405, "MethodNotAllowed", ""), {}))
        self.assertIsNone(fault(errors.Expired(410, "Expired", ""), {}))


class DeniedTests(SynchronousTestCase):
    """403 has many reasons."""

    def told(self, message: str) -> str:
        found = fault(denied(message), {})
        assert isinstance(found, Forbidden)
        return found.message

    def test_a_role_that_may_not_is_told_without_names_of_accounts(self) -> None:
        message = (
            'virtualmachines.kubevirt.io is forbidden: User "system:serviceaccount:dicot-projects:abc-reader" cannot '
            'create resource "virtualmachines" in API group "kubevirt.io" in the namespace "demo"'
        )
        self.assertEqual(self.told(message), "The cluster does not allow the project's role to do this.")
        self.assertNotIn("abc-reader", self.told(message.replace("is forbidden", '"web1" is forbidden')))

    def test_a_quota_of_the_cluster_says_what_is_exceeded(self) -> None:
        message = (
            'virtualmachines.kubevirt.io "web1" is forbidden: exceeded quota: compute, requested: '
            "count/virtualmachines.kubevirt.io=1, used: count/virtualmachines.kubevirt.io=2, "
            "limited: count/virtualmachines.kubevirt.io=2"
        )
        self.assertTrue(self.told(message).startswith("Quota exceeded: compute, requested: count/virtualmachines"))

    def test_a_policy_is_told_in_its_own_words(self) -> None:
        message = (
            "virtualmachines.kubevirt.io \"web1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' "
            "denied request: a project's account cannot use serviceAccount volumes"
        )
        self.assertEqual(self.told(message), "a project's account cannot use serviceAccount volumes")


class ReadableTests(SynchronousTestCase):
    """Messages without Kubernetes' wrapping."""

    def test_wrappings_are_taken_off(self) -> None:
        for message, expected in (
            (
                'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: spec.template.spec.'
                "domain.devices.disks[0].Name 'root' not found.",
                "spec.template.spec.domain.devices.disks[0].Name 'root' not found.",
            ),
            (
                'VirtualMachine.kubevirt.io "web1" is invalid: spec.running: Invalid value: "x": must be boolean',
                'spec.running: Invalid value: "x": must be boolean',
            ),
            (
                'VirtualMachine in version "v1" cannot be handled as a VirtualMachine: strict decoding error: '
                'unknown field "spec.foo"',
                'unknown field "spec.foo"',
            ),
            (
                'admission webhook "x" denied the request: admission webhook "y" denied the request: why',
                "why",
            ),
            ('admission webhook "x" denied the request without explanation', "The cluster refused the request."),
            ("plain", "plain"),
        ):
            self.assertEqual(readable(message), expected)

    def test_names_of_nodes_are_hidden_where_they_are_words(self) -> None:
        hidden = ["node-1", "node"]
        self.assertEqual(
            readable("node-1 and node-11 and mynode and node.", hidden), "a node and node-11 and mynode and a node."
        )
