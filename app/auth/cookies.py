"""What a browser keeps for us: signed, so that a made-up value never reaches the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from itsdangerous import BadSignature, Signer, URLSafeTimedSerializer

from app.settings import Settings, required_auth_secret

SIGN_IN_SECONDS = 600
"""How long signing in may take at the provider."""

MOST_SIGN_INS = 4
"""Under way in one browser. Each tab that is opened anew begins one, and all of them are sent with each
request: proxies refuse a head of 8 KB, and nobody could sign in until they are too old."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A sign-in under way. state and nonce tie the provider's answer to this browser and this attempt,
    verifier (PKCE) to this server. return_to: the path to show afterwards."""

    state: str
    nonce: str
    verifier: str
    return_to: str


class Cookies:
    """Names, attributes and signatures of the cookies of one configuration.

    The key is derived from the secret that we share with the provider: with another one, everybody
    signs in again.
    """

    def __init__(self, settings: Settings) -> None:
        secret = required_auth_secret(settings).encode()
        self.secure = settings.auth.base_url.startswith("https://")
        # A browser takes __Host- only over https, for this very host and the whole site.
        prefix = "__Host-" if self.secure else ""
        self.session = f"{prefix}teamgauge"
        self._sign_in = f"{prefix}teamgauge-sign-in"
        self._signer = Signer(_derived(secret, b"session"))
        self._serializer = URLSafeTimedSerializer(_derived(secret, b"sign in"))

    def attributes(self) -> dict[str, Any]:
        """Of every cookie: no script reads it, and no other site sends it along but by a link."""
        return {"httponly": True, "samesite": "lax", "secure": self.secure, "path": "/"}

    def sealed(self, session_id: str) -> str:
        """The value of the session's cookie."""
        return self._signer.sign(session_id.encode()).decode()

    def opened(self, value: str) -> str | None:
        """The id of the session in a cookie; None for one that is not ours."""
        try:
            return self._signer.unsign(value.encode()).decode()
        except (BadSignature, UnicodeError):
            return None

    def superfluous(self, sent: Iterable[str]) -> list[str]:
        """Which sign-ins under way to give up for one more, of the names of the cookies that a browser
        has sent, in its order: the oldest first."""
        under_way = [name for name in sent if name.startswith(f"{self._sign_in}-")]
        return under_way[: max(0, len(under_way) + 1 - MOST_SIGN_INS)]

    def sign_in(self, state: str) -> str:
        """The name of the cookie of a sign-in: several may be under way in several tabs."""
        return f"{self._sign_in}-{blake2b(state.encode(), digest_size=6).hexdigest()}"

    def kept(self, transaction: Transaction) -> str:
        """A sign-in as the value of its cookie."""
        return self._serializer.dumps(
            [transaction.state, transaction.nonce, transaction.verifier, transaction.return_to]
        )

    def transaction(self, value: str) -> Transaction | None:
        """The sign-in in a cookie; None for one that is not ours or too old."""
        try:
            return Transaction(*self._serializer.loads(value, max_age=SIGN_IN_SECONDS))
        except BadSignature:  # one that is too old among them
            return None


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return blake2b(secret, person=purpose, digest_size=32).digest()
