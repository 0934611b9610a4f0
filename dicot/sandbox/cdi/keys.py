"""What CDI signs with: tokens of clones and uploads, and the certificates of those who carry an upload."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from .. import logins
from ..certificates import Authority
from .tokens import Tokens, new_key

_TOKENS = "cdi-tokens.key"
_SERVERS, _CLIENTS = "cdi-upload-servers", "cdi-upload-clients"


@dataclass(frozen=True, slots=True)
class Keys:
    """``servers`` signs for upload servers, ``clients`` for who may ask them."""

    tokens: Tokens
    servers: Authority
    clients: Authority

    @classmethod
    def make(cls) -> "Keys":
        """New ones, which are kept nowhere."""
        return cls(Tokens.load(new_key()), *(Authority.make(name) for name in (_SERVERS, _CLIENTS)))

    @classmethod
    def at(cls, folder: Path) -> "Keys":
        """Those of a folder; what is missing is made. Raises ValueError for a file that holds no key, and OSError."""
        tokens = folder / _TOKENS
        if not tokens.exists():
            logins.write_secret(tokens, new_key())
        return cls(Tokens.load(tokens.read_bytes()), *(Authority.at(folder, name) for name in (_SERVERS, _CLIENTS)))

    def server(self, service: str, namespace: str) -> dict[str, bytes]:
        """What an upload server behind that Service serves with, and whom it lets in."""
        names = (service, f"{service}.{namespace}", f"{service}.{namespace}.svc")
        # A common name has no more than 64 characters; that of a Service has 63.
        certificate, key = self.servers.issue(service, [x509.DNSName(each) for each in names])
        return {"tls.crt": certificate, "tls.key": key, "ca.crt": self.clients.pem}
