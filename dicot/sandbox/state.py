"""The folder of a sandbox: its objects, its keys, its tokens."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from . import certificates, logins
from .apiserver.asked import User
from .apiserver.journal import File, Nowhere
from .apiserver.rights.tokens import new_key
from .apiserver.storage import Journal
from .cdi.keys import Keys
from .certificates import Authority

DATABASE = "state.sqlite"
SUFFIXES = (".sqlite", ".db")


class Unusable(Exception):
    """A folder or file cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class State:
    """Where everything lies. ``database`` is None where objects need not survive."""

    folder: Path
    database: Path | None

    @classmethod
    def at(cls, path: Path) -> "State":
        """The state that a path names: a file of objects, whose keys lie beside it, or a folder of both."""
        if path.suffix in SUFFIXES or path.is_file():
            return cls(path.parent, path)
        return cls(path, path / DATABASE)

    @property
    def certificate(self) -> Path:
        """The server's."""
        return self.folder / "apiserver.crt"

    @property
    def key(self) -> Path:
        """The server's."""
        return self.folder / "apiserver.key"

    @property
    def authority(self) -> Path:
        """The certificate that clients trust."""
        return self.folder / "ca.crt"

    @property
    def accounts(self) -> Path:
        """The key that tokens of service accounts are signed with."""
        return self.folder / "accounts.key"

    @property
    def contents(self) -> Path:
        """What volumes hold."""
        return self.folder / "contents"

    @property
    def tokens(self) -> Path:
        """Static tokens."""
        return self.folder / "tokens.csv"

    @property
    def kubeconfig(self) -> Path:
        """The way in."""
        return self.folder / "kubeconfig"

    def prepare(self) -> None:
        """Make what is missing. Raises Unusable."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.certificate.exists():
                authority, certificate, key = certificates.make()
                self.authority.write_bytes(authority)
                logins.write_secret(self.key, key)
                self.certificate.write_bytes(certificate)
            if not self.accounts.exists():
                logins.write_secret(self.accounts, new_key())
            self.volumes()
            self.exports()
            self._name_users()
        except OSError as error:
            raise Unusable(f"{error.filename or self.folder}: {error.strerror}") from error

    def _name_users(self) -> None:
        """A state of before may lack users that came later."""
        known = {user.name for user in self.users().values()} if self.tokens.exists() else set()
        missing = {
            name: token for name, token in logins.new_tokens(secrets.token_urlsafe).items() if name not in known
        }
        if missing:
            logins.write_tokens(self.tokens, missing)

    def volumes(self) -> Keys:
        """What CDI signs with. Raises Unusable."""
        try:
            return Keys.at(self.folder)
        except ValueError as error:
            raise Unusable(f"{self.folder}: {error}") from error

    def exports(self) -> Authority:
        """Who signs the certificates of exports. Raises Unusable."""
        try:
            return Authority.at(self.folder, "kubevirt-exports")
        except ValueError as error:
            raise Unusable(f"{self.folder}: {error}") from error

    def users(self) -> dict[str, User]:
        """Users by static token. Raises Unusable."""
        try:
            return logins.read_tokens(self.tokens)
        except (OSError, ValueError) as error:
            raise Unusable(str(error)) from error

    def journal(self) -> Journal:
        """Where objects are kept. Raises Unreadable."""
        return Nowhere() if self.database is None else File(self.database)

    def write_kubeconfig(self, server: str, path: Path) -> None:
        """Tell how the server is reached."""
        content = logins.kubeconfig(server, self.authority.read_bytes(), self.users())
        logins.write_secret(path, content)
