"""What ``twistd`` lists."""

from twisted.application.service import ServiceMaker

dicot = ServiceMaker(
    "dicot", "dicot.tap", "An OpenStack-compatible API gateway over Kubernetes and KubeVirt.", "dicot"
)
