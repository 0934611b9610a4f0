"""The control planes of Kubernetes, KubeVirt and CDI as ordinary processes: how they are built, started and ended."""
