"""Built-in objects that are wrong, and what the API server says of them."""

from __future__ import annotations

from typing import Any

REQUIRED = "FieldValueRequired"
REFUSED: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (
    (
        "/api/v1/namespaces/{}/configmaps",
        {"data": {"a": "x"}, "binaryData": {"a": "AA=="}},
        {'data[a]: Invalid value: "a": duplicate of key present in binaryData': "FieldValueInvalid"},
    ),
    (
        "/api/v1/namespaces/{}/secrets",
        {"data": {"..": ""}},
        {"data[..]: Invalid value: \"..\": must not be '..'": "FieldValueInvalid"},
    ),
    (
        "/api/v1/namespaces/{}/secrets",
        {"type": "kubernetes.io/dockerconfigjson"},
        {"data[.dockerconfigjson]: Required value": REQUIRED},
    ),
    (
        "/api/v1/namespaces/{}/secrets",
        {"type": "kubernetes.io/service-account-token"},
        {"metadata.annotations[kubernetes.io/service-account.name]: Required value": REQUIRED},
    ),
    (
        "/api/v1/namespaces/{}/secrets",
        {"type": "kubernetes.io/tls"},
        {
            "data[tls.crt]: Required value": REQUIRED,
            "data[tls.key]: Required value": REQUIRED,
        },
    ),
    ("/api/v1/namespaces/{}/pods", {"spec": {}}, {"spec.containers: Required value": REQUIRED}),
    (
        "/api/v1/namespaces/{}/pods",
        {"spec": {"containers": []}},
        {"spec.containers: Required value": REQUIRED},
    ),
    (
        "/api/v1/namespaces/{}/pods",
        {"spec": {"containers": [{}]}},
        {
            "spec.containers[0].name: Required value": REQUIRED,
            "spec.containers[0].image: Required value": REQUIRED,
        },
    ),
    (
        "/api/v1/namespaces/{}/pods",
        {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "c", "image": "i"}]}},
        {'spec.containers[1].name: Duplicate value: "c"': "FieldValueDuplicate"},
    ),
    (
        "/api/v1/namespaces/{}/pods",
        {"spec": {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/x"}]}]}},
        {'spec.containers[0].volumeMounts[0].name: Not found: "v"': "FieldValueNotFound"},
    ),
    (
        "/api/v1/namespaces/{}/pods",
        {
            "spec": {
                "containers": [{"name": "c", "image": "i"}],
                "volumes": [{"name": "v"}, {"name": "v", "emptyDir": {}}],
            }
        },
        {'spec.volumes[1].name: Duplicate value: "v"': "FieldValueDuplicate"},
    ),
    (
        "/api/v1/namespaces/{}/persistentvolumeclaims",
        {"spec": {}},
        {
            "spec.accessModes: Required value: at least 1 access mode is required": REQUIRED,
            "spec.resources[storage]: Required value": REQUIRED,
        },
    ),
    (
        "/api/v1/namespaces/{}/persistentvolumeclaims",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0"}}}},
        {'spec.resources[storage]: Invalid value: "0": must be greater than zero': "FieldValueInvalid"},
    ),
    (
        "/api/v1/persistentvolumes",
        {"spec": {}},
        {
            "spec.accessModes: Required value": REQUIRED,
            "spec.capacity: Required value": REQUIRED,
            'spec.capacity: Unsupported value: null: supported values: "storage"': "FieldValueNotSupported",
            "spec: Required value: must specify a volume type": REQUIRED,
        },
    ),
    (
        "/api/v1/persistentvolumes",
        {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}},
        {"spec: Required value: must specify a volume type": REQUIRED},
    ),
    ("/api/v1/namespaces/{}/services", {"spec": {}}, {"spec.ports: Required value": REQUIRED}),
    (
        "/api/v1/namespaces/{}/services",
        {"spec": {"ports": [{"port": 0}]}},
        {
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive": "FieldValueInvalid",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive": "FieldValueInvalid",
        },
    ),
    (
        "/api/v1/namespaces/{}/services",
        {"spec": {"ports": [{"port": 1}, {"port": 2}]}},
        {
            "spec.ports[0].name: Required value": REQUIRED,
            "spec.ports[1].name: Required value": REQUIRED,
        },
    ),
    (
        "/api/v1/namespaces/{}/services",
        {"spec": {"type": "ExternalName"}},
        {"spec.externalName: Required value": REQUIRED},
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
        {"roleRef": {}},
        {
            'roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"': "FieldValueNotSupported",
            "roleRef.name: Required value": REQUIRED,
        },
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "X", "name": "y"}},
        {'roleRef.kind: Unsupported value: "X": supported values: "Role", "ClusterRole"': "FieldValueNotSupported"},
    ),
    (
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}},
        {
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0": "FieldValueInvalid",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0": "FieldValueInvalid",
        },
    ),
    ("/apis/storage.k8s.io/v1/storageclasses", {}, {"provisioner: Required value": REQUIRED}),
    (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        {"value": 2147483647},
        {"value: Forbidden: maximum allowed value of a user defined priority is 1000000000": "FieldValueForbidden"},
    ),
    (
        "/api/v1/namespaces/{}/events",
        {"involvedObject": {"namespace": "other"}},
        {'involvedObject.namespace: Invalid value: "other": does not match event.namespace': "FieldValueInvalid"},
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
        {"spec": {}},
        {
            "spec.policyName: Required value": REQUIRED,
            "spec.validationActions: Required value: at least one validation action is required": REQUIRED,
        },
    ),
    (
        "/apis/apps/v1/namespaces/{}/controllerrevisions",
        {},
        {"data: Required value: data is mandatory": REQUIRED},
    ),
    (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {"name": "wrongs.dicot.io"},
            "spec": {
                "group": "dicot.io",
                "names": {"plural": "wrongs", "kind": "Wrong"},
                "scope": "Cluster",
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": False,
                        "schema": {"openAPIV3Schema": {"type": "object"}},
                    }
                ],
            },
        },
        {
            'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,'
            '"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,'
            '"SelectableFields":null}]: must have exactly one version marked as storage version': "FieldValueInvalid",
            "status.storedVersions: Invalid value: null: must have at least one stored version": "FieldValueInvalid",
        },
    ),
)
"""Where it is sent, the object without its metadata, and the causes, by their texts."""
