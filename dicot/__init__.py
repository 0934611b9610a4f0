"""An OpenStack-compatible API gateway over Kubernetes and KubeVirt."""
