"""What is admitted: quotas, namespaces, accounts of Pods, policies.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox knows a policy or a quota at once, and empties a namespace without the five
seconds that the real one waits. Pods mount no token of their account there. Quotas with scopes, and policies with
parameters or with other actions than Deny, are 501.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from tests.cluster.control import JSON, MERGE, SOON, Answer
from tests.cluster.objects import Document, named
from tests.live.seen.contract import ContractTestCase, told

POLICIES = "/apis/admissionregistration.k8s.io/v1"


class QuotaTests(ContractTestCase):
    async def limited(self, name: str, **hard: str) -> None:
        spec = {"hard": {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}}
        path = f"{self.core}/resourcequotas"
        await self.control.change("POST", path, named("ResourceQuota", name, spec=spec))
        self.forget(f"{path}/{name}")
        await self.becomes(
            f"{path}/{name}", "is counted", lambda found: set(found["status"].get("used", {})) == set(spec["hard"])
        )

    async def uses(self, name: str, amounts: Document) -> None:
        """Wait until a quota says that so much is used: its controller may write what it had counted before."""
        path = f"{self.core}/resourcequotas/{name}"
        await self.becomes(path, f"{amounts} used", lambda found: amounts.items() <= found["status"]["used"].items())

    def claim(self, name: str, size: str) -> Document:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "quota",
        }
        return named("PersistentVolumeClaim", name, spec=spec)

    async def test_counts_are_held(self) -> None:
        await self.make(named("ConfigMap", "before"))
        # The one with the authority's certificate is there already.
        await self.limited("q", count__configmaps="3", secrets="0", services_loadbalancers="0")
        await self.uses("q", {"count/configmaps": "2"})
        await self.make(named("ConfigMap", "a"))
        port = {"type": "LoadBalancer", "ports": [{"port": 80}]}
        table: tuple[tuple[str, Document, str], ...] = (
            ("configmaps", named("ConfigMap", "b"), "count/configmaps=1|count/configmaps=3|count/configmaps=3"),
            ("secrets", named("Secret", "b"), "secrets=1|secrets=0|secrets=0"),
            (
                "services",
                named("Service", "b", spec=port),
                "|".join(f"services.loadbalancers={each}" for each in (1, 0, 0)),
            ),
        )
        for plural, document, amounts in table:
            requested, used, hard = amounts.split("|")
            said = (
                f'{plural} "b" is forbidden: exceeded quota: q, requested: {requested}, used: {used}, limited: {hard}'
            )
            self.assertEqual(told(await self.offer(document)), f"403 Forbidden: {said}")
        await self.control.change("DELETE", f"{self.core}/configmaps/a")
        path = f"{self.core}/resourcequotas/q"
        await self.becomes(path, "gives back", lambda found: found["status"]["used"]["count/configmaps"] == "2")

    async def test_storage_is_held_in_all_and_by_class(self) -> None:
        await self.limited(
            "s",
            requests_storage="10Gi",
            persistentvolumeclaims="3",
            quota_storageclass_storage_k8s_io__requests_storage="8Gi",
        )
        await self.make(self.claim("one", "6Gi"))
        by_class = "quota.storageclass.storage.k8s.io/requests.storage"
        await self.uses("s", {"persistentvolumeclaims": "1", "requests.storage": "6Gi", by_class: "6Gi"})
        said = (
            'persistentvolumeclaims "two" is forbidden: exceeded quota: s, requested: '
            f"{by_class}=5Gi,requests.storage=5Gi, used: {by_class}=6Gi,requests.storage=6Gi, "
            f"limited: {by_class}=8Gi,requests.storage=10Gi"
        )
        self.assertEqual(told(await self.offer(self.claim("two", "5Gi"))), f"403 Forbidden: {said}")
        self.assertEqual(told(await self.offer(self.claim("two", "5Gi"), "?dryRun=All")), f"403 Forbidden: {said}")

    async def test_pods_are_held_and_must_say_what_they_need(self) -> None:
        await self.limited("p", pods="1", requests_cpu="1", limits_memory="1Gi")

        def pod(name: str, *containers: Document) -> Document:
            return named("Pod", name, spec={"containers": [{"image": "x", **each} for each in containers]})

        plain = {"name": "a"}
        self.assertEqual(
            told(await self.offer(pod("x", plain))),
            '403 Forbidden: pods "x" is forbidden: failed quota: p: must specify '
            "limits.memory for: a; requests.cpu for: a",
        )
        heavy = {**plain, "resources": {"requests": {"cpu": "600m"}, "limits": {"memory": "2Gi"}}}
        self.assertEqual(
            told(await self.offer(pod("x", heavy))),
            '403 Forbidden: pods "x" is forbidden: exceeded quota: p, requested: limits.memory=2Gi, '
            "used: limits.memory=0, limited: limits.memory=1Gi",
        )
        fit = {**plain, "resources": {"requests": {"cpu": "600m"}, "limits": {"memory": "200Mi"}}}
        also = {"name": "b", "resources": {"limits": {"cpu": "300m", "memory": "200Mi"}}}
        await self.make(pod("x", fit, also))
        await self.uses("p", {"pods": "1", "requests.cpu": "900m", "limits.memory": "400Mi"})
        self.assertEqual(
            told(await self.offer(pod("y", fit))),
            '403 Forbidden: pods "y" is forbidden: exceeded quota: p, requested: pods=1,requests.cpu=600m, '
            "used: pods=1,requests.cpu=900m, limited: pods=1,requests.cpu=1",
        )


class AccountTests(ContractTestCase):
    async def test_a_pod_runs_as_an_account_that_there_is(self) -> None:
        containers = [{"name": "a", "image": "x"}]
        await self.make(named("Pod", "runs", spec={"containers": containers}))
        spec = (await self.control.get(f"{self.core}/pods/runs"))["spec"]
        self.assertEqual((spec["serviceAccountName"], spec["serviceAccount"]), ("default", "default"))
        absent = named("Pod", "fails", spec={"containers": containers, "serviceAccountName": "gone"})
        why = f'error looking up service account {self.namespace}/gone: serviceaccount "gone" not found'
        self.assertEqual(told(await self.offer(absent)), f'403 Forbidden: pods "fails" is forbidden: {why}')


class NamespaceTests(ContractTestCase):
    async def test_every_namespace_is_furnished(self) -> None:
        authority = f"{self.core}/configmaps/kube-root-ca.crt"
        found = await self.becomes(authority, "is there", lambda each: "ca.crt" in each["data"])
        self.assertIn("BEGIN CERTIFICATE", found["data"]["ca.crt"])
        await self.control.change("DELETE", f"{self.core}/serviceaccounts/default")
        await self.control.until(
            SOON, "the account to come back", lambda: self.control.answers(f"{self.core}/serviceaccounts/default")
        )
        await self.change(authority, {"data": {"ca.crt": "x"}})
        await self.becomes(authority, "comes back", lambda each: "BEGIN" in each["data"]["ca.crt"])

    async def test_one_is_alive_from_birth(self) -> None:
        found = await self.control.get(self.core)
        self.assertEqual(found["metadata"]["labels"], {"kubernetes.io/metadata.name": self.namespace})
        self.assertEqual((found["spec"], found["status"]), ({"finalizers": ["kubernetes"]}, {"phase": "Active"}))

    async def test_some_are_immortal(self) -> None:
        for name in ("default", "kube-system", "kube-public"):
            said = told(await self.control.ask("DELETE", f"/api/v1/namespaces/{name}"))
            self.assertEqual(
                said, f'403 Forbidden: namespaces "{name}" is forbidden: this namespace may not be deleted'
            )

    async def test_nothing_is_made_where_none_is(self) -> None:
        at = "/api/v1/namespaces/nowhere/configmaps"
        self.assertEqual(
            told(await self.control.ask("POST", at, named("ConfigMap", "x"))),
            '404 NotFound: namespaces "nowhere" not found',
        )
        self.assertEqual(told(await self.control.ask("DELETE", f"{at}/x")), '404 NotFound: configmaps "x" not found')

    async def test_one_ends_when_it_is_empty(self) -> None:
        name = f"{self.namespace}-ends"
        at = f"/api/v1/namespaces/{name}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", name))
        held = named("ConfigMap", "held")
        held["metadata"]["finalizers"] = ["example.com/held"]
        await self.control.change("POST", f"{at}/configmaps", held)
        await self.control.change("POST", f"{at}/secrets", named("Secret", "free"))
        gone = await self.control.change("DELETE", at)
        self.assertEqual((gone["kind"], gone["status"]["phase"]), ("Namespace", "Terminating"))
        late = await self.control.ask("POST", f"{at}/configmaps", named("ConfigMap", "late"))
        why = f"unable to create new content in namespace {name} because it is being terminated"
        self.assertEqual(told(late), f'403 Forbidden: configmaps "late" is forbidden: {why}')
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        self.assertEqual(late.document["details"]["causes"], [cause])
        await self.vanishes(f"{at}/secrets/free")

        def waits(found: Document) -> bool:
            conditions = {each["type"]: each for each in found["status"].get("conditions", [])}
            told = conditions.get("NamespaceFinalizersRemaining", {}).get("message", "")
            return "example.com/held in 1 resource instances" in told

        waiting = await self.becomes(at, "waits", waits)
        kinds = {each["type"]: (each["status"], each["reason"]) for each in waiting["status"]["conditions"]}
        self.assertEqual(kinds["NamespaceContentRemaining"], ("True", "SomeResourcesRemain"))
        await self.change(f"{at}/configmaps/held", {"metadata": {"finalizers": None}})
        await self.vanishes(at)


class PolicyTests(ContractTestCase):
    """Each policy is for one name of a ConfigMap, so that all can be there at once."""

    VALIDATIONS: Mapping[str, tuple[list[Document], str]] = {
        "plain": ([{"expression": "false", "message": "no way"}], "422 Invalid no way"),
        "bare": (
            [{"expression": "object.metadata.name == 'x'"}],
            "422 Invalid failed expression: object.metadata.name == 'x'",
        ),
        "reason": (
            [{"expression": "false", "reason": "Forbidden", "messageExpression": "'it is ' + object.metadata.name"}],
            "403 Forbidden it is reason",
        ),
        "error": (
            [{"expression": "object.data.x == 'x'"}],
            "422 Invalid expression 'object.data.x == 'x'' resulted in error: no such key: data",
        ),
        "variable": ([{"expression": "variables.far"}], "422 Invalid failed expression: variables.far"),
        "second": ([{"expression": "true"}, {"expression": "1 > 2", "message": "two"}], "422 Invalid two"),
        "namespace": (
            [{"expression": "namespaceObject.metadata.name != request.namespace", "message": "ours"}],
            "422 Invalid ours",
        ),
        "has": (
            [{"expression": "has(object.data) && 'a' in object.data"}],
            "422 Invalid failed expression: has(object.data) && 'a' in object.data",
        ),
        "user": (
            [{"expression": "!request.userInfo.username.startsWith('adm')", "message": "not admin"}],
            "422 Invalid not admin",
        ),
        "lists": (
            [{"expression": "!request.userInfo.groups.exists(each, each == 'system:masters')", "message": "masters"}],
            "422 Invalid masters",
        ),
    }
    RIGHT: Mapping[str, list[Document]] = {
        "allowed": [{"expression": "oldObject == null && request.operation in ['CREATE', 'DELETE']"}],
        "elsewhere": [{"expression": "variables.far == false"}],
    }

    async def install(self, name: str, validations: list[Document], policy: str = "Fail") -> None:
        made = f"{self.namespace}-{name}"
        chosen = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        rules = [{"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["configmaps"]}]
        spec = {
            "failurePolicy": policy,
            "matchConstraints": {"resourceRules": rules, "namespaceSelector": chosen},
            "matchConditions": [{"name": "named", "expression": f"request.name == '{name}'"}],
            "variables": [{"name": "far", "expression": "object.metadata.namespace != request.namespace"}],
            "validations": validations,
        }
        version = "admissionregistration.k8s.io/v1"
        bound = {"policyName": made, "validationActions": ["Deny"]}
        for plural, kind, said in (
            ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", spec),
            ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", bound),
        ):
            self.forget(f"{POLICIES}/{plural}/{made}")
            await self.control.change("POST", f"{POLICIES}/{plural}", named(kind, made, None, version, spec=said))

    async def answered(self, name: str, status: int) -> Answer:
        return await self.until(
            lambda: Deferred.fromCoroutine(self.offer(named("ConfigMap", name), "?dryRun=All")),
            lambda answer: answer.status == status,
        )

    async def test_validations_that_fail_are_told(self) -> None:
        for name, (validations, _) in self.VALIDATIONS.items():
            await self.install(name, validations)
        for name, validations in self.RIGHT.items():
            await self.install(name, validations)
        await self.install("ignored", [{"expression": "object.data.x == 'x'"}], "Ignore")
        for name, (_, said) in self.VALIDATIONS.items():
            code, reason, text = said.split(" ", 2)
            made = f"{self.namespace}-{name}"
            text = f"ValidatingAdmissionPolicy '{made}' with binding '{made}' denied request: {text}"
            answer = await self.answered(name, int(code))
            self.assertEqual(told(answer), f'{code} {reason}: configmaps "{name}" is forbidden: {text}')
            self.assertEqual(answer.document["details"]["causes"], [{"message": text}])
        for name in (*self.RIGHT, "ignored"):
            await self.answered(name, 201)

    async def test_updates_and_deletes_have_an_old_object(self) -> None:
        await self.make(named("ConfigMap", "changing"))
        await self.install("changing", [{"expression": "oldObject == null", "message": "was there"}])
        at = f"{self.core}/configmaps/changing"
        for method, body, kind in (("PATCH", {"data": {"a": "b"}}, MERGE), ("DELETE", None, JSON)):
            answer = await self.until(
                lambda: Deferred.fromCoroutine(self.control.ask(method, f"{at}?dryRun=All", body, kind)),  # noqa: B023
                lambda each: each.status == 422,
            )
            self.assertIn("denied request: was there", told(answer))
