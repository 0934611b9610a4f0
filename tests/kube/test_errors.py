"""What answers of Kubernetes mean."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube import errors
from dicot.kube.errors import nothing_written, refusal

TENANT = "system:serviceaccount:dicot-projects:p-member"


def status(code: int, reason: str, message: str, **more: Any) -> bytes:
    """A Status as the API server writes it."""
    return json.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        | more
    ).encode()


class KindsOfRefusal(SynchronousTestCase):
    """The type of a refusal."""

    def test_a_quota_says_what_is_exceeded(self) -> None:
        text = (
            'ports.network.dicot.io "a" is forbidden: exceeded quota: team, '
            "requested: count/ports.network.dicot.io=1,requests.storage=5Gi, "
            "used: count/ports.network.dicot.io=7,requests.storage=9Gi, "
            "limited: count/ports.network.dicot.io=7,requests.storage=10Gi"
        )
        refused = refusal(403, status(403, "Forbidden", text))
        assert isinstance(refused, errors.OverQuota)
        self.assertEqual(
            refused.exceeded,
            {"count/ports.network.dicot.io": ("1", "7", "7"), "requests.storage": ("5Gi", "9Gi", "10Gi")},
        )

    def test_a_quota_that_says_no_more(self) -> None:
        refused = refusal(403, status(403, "Forbidden", "exceeded quota: team"))
        assert isinstance(refused, errors.OverQuota)
        self.assertEqual(refused.exceeded, {})

    def test_by_code(self) -> None:
        kinds = {code: type(refusal(code, status(code, "X", "x"))) for code in range(400, 512)}
        named = {
            400: errors.Invalid,
            401: errors.Unauthenticated,
            403: errors.Denied,
            404: errors.Missing,
            409: errors.Conflict,
            410: errors.Expired,
            413: errors.Invalid,
            422: errors.Invalid,
            429: errors.Throttled,
        }
        self.assertEqual(kinds, {code: named.get(code, errors.Failed) for code in range(400, 512)})

    def test_already_exists(self) -> None:
        body = status(409, "AlreadyExists", 'virtualmachines.kubevirt.io "a" already exists')
        self.assertIs(type(refusal(409, body)), errors.Exists)

    def test_reason_message_and_causes_are_kept(self) -> None:
        causes = [{"reason": "FieldValueInvalid", "field": "spec.template", "message": "no such disk"}]
        refused = refusal(422, status(422, "Invalid", "bad", details={"causes": causes}))
        self.assertEqual(
            (refused.code, refused.reason, refused.message, refused.causes),
            (422, "Invalid", "bad", (("spec.template", "no such disk"),)),
        )

    def test_status_without_details_or_reason(self) -> None:
        refused = refusal(400, b'{"kind":"Status","reason":"","message":"m","details":null}')
        self.assertEqual((type(refused), refused.reason, refused.message), (errors.Invalid, "", "m"))

    def test_plain_text_is_the_message(self) -> None:
        refused = refusal(404, b"404: Page Not Found\n")
        self.assertEqual((type(refused), refused.message), (errors.Missing, "404: Page Not Found"))

    def test_a_page_of_a_proxy_is_not_shown(self) -> None:
        self.assertEqual(refusal(502, b"<html><h1>Bad Gateway</h1>").message, "answer 502 without a reason")

    def test_other_json_is_not_a_status(self) -> None:
        self.assertEqual(refusal(500, b'{"message": "x"}').message, "answer 500 without a reason")

    def test_invalid_utf8_is_no_fault(self) -> None:
        self.assertEqual(refusal(500, b"\xff!").message, "�!")

    def test_retry_after_from_header_and_details(self) -> None:
        body = status(429, "TooManyRequests", "wait", details={"retryAfterSeconds": 3})
        self.assertEqual(refusal(429, body, retry_after="1").retry_after, 3)
        self.assertEqual(refusal(429, body, retry_after="7").retry_after, 7)
        self.assertEqual(refusal(429, b"", retry_after="Wed, 21 Oct 2026 07:28:00 GMT").retry_after, 0)


class ConflictsInDisguise(SynchronousTestCase):
    """Answers whose code says less than they mean."""

    def test_power_change_underway(self) -> None:
        message = "Internal error occurred: unable to complete request: stop/start already underway"
        refused = refusal(500, status(500, "InternalError", message))
        self.assertEqual((type(refused), refused.code), (errors.Conflict, 409))

    def test_json_patch_whose_test_fails(self) -> None:
        message = "the server rejected our request due to an error in our request"
        refused = refusal(422, status(422, "Invalid", message, details={}))
        self.assertEqual((type(refused), refused.code), (errors.Conflict, 409))


class Denials(SynchronousTestCase):
    """Whose fault a 403 is."""

    def denied(self, message: str, tenant: str = TENANT) -> bool:
        """Whether Dicot's own account was refused."""
        refused = refusal(403, status(403, "Forbidden", message), tenant=tenant)
        self.assertIsInstance(refused, errors.Denied)
        return isinstance(refused, errors.Denied) and refused.own_account

    def test_the_tenant_lacks_a_right(self) -> None:
        self.assertFalse(
            self.denied(
                f'virtualmachines.subresources.kubevirt.io "a" is forbidden: User "{TENANT}" cannot update resource '
                '"virtualmachines/stop" in API group "subresources.kubevirt.io" in the namespace "n"'
            )
        )

    def test_dicot_may_not_impersonate(self) -> None:
        self.assertTrue(
            self.denied(
                'serviceaccounts "p-member" is forbidden: User "system:serviceaccount:dicot-system:dicot" cannot '
                'impersonate resource "serviceaccounts" in API group "" in the namespace "dicot-projects"'
            )
        )

    def test_the_tenant_may_not_impersonate(self) -> None:
        self.assertTrue(self.denied(f'users "x" is forbidden: User "{TENANT}" cannot impersonate resource "users"'))

    def test_dicot_lacks_a_right(self) -> None:
        self.assertTrue(self.denied('namespaces is forbidden: User "dicot" cannot create resource "namespaces"', ""))

    def test_dicot_grants_more_than_it_has(self) -> None:
        message = (
            'roles.rbac.authorization.k8s.io "r" is forbidden: user "dicot" (groups=["g"]) is attempting to grant'
        )
        self.assertTrue(self.denied(message, ""))

    def test_quota(self) -> None:
        self.assertFalse(
            self.denied('persistentvolumeclaims "a" is forbidden: exceeded quota: dicot, requested: x', "")
        )

    def test_admission(self) -> None:
        self.assertFalse(self.denied('admission webhook "v" denied the request: User "x" cannot do this', ""))


class Certainty(SynchronousTestCase):
    """Whether a refusal says that nothing was written."""

    def certain(self, code: int, body: bytes) -> bool:
        """Of an answer."""
        return nothing_written(refusal(code, body))

    def test_client_errors(self) -> None:
        self.assertTrue(all(self.certain(code, b"") for code in range(400, 500)))

    def test_overload_and_missing_backend(self) -> None:
        self.assertTrue(self.certain(503, status(503, "ServiceUnavailable", "the server is shutting down")))
        self.assertTrue(self.certain(503, b"service unavailable\n"))

    def test_an_api_service_that_could_not_be_dialled(self) -> None:
        text = "error trying to reach service: dial tcp 127.0.0.1:9: connect: connection refused"
        self.assertTrue(self.certain(503, status(503, "ServiceUnavailable", text)))

    def test_an_api_service_that_broke_off(self) -> None:
        self.assertFalse(self.certain(503, status(503, "ServiceUnavailable", "error trying to reach service: EOF")))
        self.assertFalse(self.certain(503, b"read tcp 127.0.0.1:1: connection reset by peer"))

    def test_a_proxy_on_the_way(self) -> None:
        self.assertFalse(self.certain(503, b"<html>503</html>"))
        self.assertFalse(self.certain(502, b""))

    def test_a_webhook_that_could_not_be_called(self) -> None:
        text = 'Internal error occurred: failed calling webhook "v": failed to call webhook: Post "https://x": EOF'
        self.assertTrue(self.certain(500, status(500, "InternalError", text)))

    def test_internal_errors_and_timeouts(self) -> None:
        self.assertFalse(self.certain(500, status(500, "InternalError", "etcdserver: request timed out")))
        self.assertFalse(self.certain(500, status(500, "InternalError", "Patch: dial tcp 127.0.0.1:1: refused")))
        self.assertFalse(self.certain(504, status(504, "Timeout", "Timeout: request did not complete")))
