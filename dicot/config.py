"""The frozen configuration. A leaf: views read public_url and the like from it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Config:
    """What ``etc/dicot.toml`` says, checked. Each field is explained there."""

    listen: tuple[str, ...] = ("tcp:5000:interface=127.0.0.1",)
    public_url: str = "http://127.0.0.1:5000"
    region: str = "RegionOne"
    tls_certificate: str = ""
    tls_key: str = ""
    access_log: str = "-"
    kubeconfig: str = ""
    context: str = ""
    allow_insecure: bool = False
    status_listen: str = "tcp:5001:interface=127.0.0.1"
    status_public: bool = False
    token_life: int = 3600
    admin_secret: str = "dicot-admin"
    network_driver: str = "pod"
    network_name: str = "private"
    network_cidrs: tuple[str, ...] = ()
    storage_class: str = ""
    quota: dict[str, int] = field(default_factory=dict)
