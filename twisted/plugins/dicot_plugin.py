"""What ``twistd`` lists."""

from twisted.application.service import ServiceMaker

dicot = ServiceMaker(
    "dicot", "dicot.tap", "An OpenStack-compatible API gateway over Kubernetes and KubeVirt.", "dicot"
)
sandbox = ServiceMaker(
    "dicot-sandbox",
    "dicot.sandbox.tap",
    "A Kubernetes with KubeVirt and CDI in one process, for trials.",
    "dicot-sandbox",
)
