"""The provider of OpenID Connect: where people sign in, and what it says about them.

Authorization code with PKCE, state and nonce. What it signed is checked with its published keys, which
are fetched again as soon as one is missing: it may change them at any time.
"""

import secrets
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.auth.cookies import Transaction
from app.auth.sessions import Identified
from app.errors import AppError
from app.faults import Faults
from app.settings import Settings, required_auth_secret

log = structlog.get_logger()

CALLBACK = "/sign-in/callback"
SIGNED_OUT = "/signed-out"
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Of signatures. None with a shared secret: what we could have signed ourselves proves nothing."""

LEEWAY = 120
"""Seconds by which the provider's clock and ours may differ."""

KEPT_SECONDS = 3600.0
"""How long what the provider says about itself, and its keys, are taken for true without asking."""

REFETCHED_AFTER = 10.0
"""Seconds between two fetches of keys because one is missing: a made-up key must not cost requests."""

TIMEOUT = 10.0
"""Seconds without a sign of life after which a request is given up."""

LEFT_ALONE = 5.0
"""Seconds in which nobody asks again after the provider kept somebody waiting in vain: all who sign in at
that time are told so at once, instead of waiting one after the other."""

TRIED_AGAIN_AFTER = 60.0
"""Seconds before what it says about itself is asked for again, where that is known and it kept silent."""

AWAY = "provider_away"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class ProviderError(AppError):
    """The provider does not answer, or answers what cannot be used: nobody can sign in now. HTTP 503."""


class RefusedError(AppError):
    """A sign-in did not come about. HTTP 403; signing in anew may help."""


class Provider:
    """The provider of a configuration. Made once; used by all threads.

    faults: where it is noted that it does not answer. Raises ConfigurationError where our secret with
    it is missing.
    """

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._auth = settings.auth
        self._faults = faults
        self._secret = required_auth_secret(settings)
        self._verify: ssl.SSLContext | bool = (
            ssl.create_default_context(cafile=str(settings.auth.ca_file))
            if settings.auth.ca_file
            else True
        )
        self._turn = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._metadata_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")
        self._waited_in_vain_at = float("-inf")

    @property
    def host(self) -> str:
        """How to call it in a sentence."""
        return httpx2.URL(self._auth.issuer).host

    def begin(self, return_to: str) -> tuple[str, Transaction]:
        """The address to send a browser to, and what to keep until it comes back."""
        transaction = Transaction(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            return_to=return_to,
        )
        endpoint = str(self._described()["authorization_endpoint"])
        with self._client() as client:
            address, _ = client.create_authorization_url(
                endpoint,
                state=transaction.state,
                nonce=transaction.nonce,
                code_verifier=transaction.verifier,
            )
        return str(address), transaction

    def finish(self, answer: Mapping[str, str], transaction: Transaction) -> Identified:
        """Who signed in. answer: the parameters that the browser came back with.

        Raises RefusedError for what the provider refused or we cannot believe, ProviderError where it
        does not answer.
        """
        described = self._described()
        if not secrets.compare_digest(answer.get("state", "").encode(), transaction.state.encode()):
            raise RefusedError("This sign-in was not begun here.", "Sign in again.")
        if answer.get("iss", described["issuer"]) != described["issuer"]:
            raise RefusedError("The answer comes from another provider.", "Sign in again.")
        if answer.get("error"):
            log.info("sign_in.refused", error=answer["error"][:80])
            raise RefusedError(f"{self.host} did not let you in: {answer['error']:.80}.", "")
        if not answer.get("code"):
            raise RefusedError(f"{self.host} sent you back without a code.", "Sign in again.")
        self._require_patience()
        try:
            with self._client() as client:
                token = client.fetch_token(
                    described["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer["code"],
                    code_verifier=transaction.verifier,
                )
                claims = self._claims_of(token, transaction.nonce)
                more = self._userinfo(client, described, claims)
        except (AuthlibBaseError, JoseError) as error:
            log.warning("sign_in.not_believed", reason=str(error)[:200])
            raise RefusedError(
                f"What {self.host} says about you cannot be believed.",
                "Sign in again; if that does not help, the log says why.",
            ) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise self._silent(error) from error
        self._faults.end(AWAY)
        return self._identified({**more, **claims})

    def sign_out_address(self) -> str | None:
        """Where a browser is signed out at the provider too; None where that cannot be done or asked."""
        try:
            # Whoever leaves does not wait for what is known already to be asked for again.
            endpoint = (self._metadata or self._described()).get("end_session_endpoint")
        except ProviderError:
            return None
        if not endpoint:
            return None
        parameters = {
            "client_id": self._auth.client_id,
            "post_logout_redirect_uri": f"{self._auth.base_url}{SIGNED_OUT}",
        }
        return str(add_params_to_uri(endpoint, list(parameters.items())))

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        """Whose session the provider says is over (OpenID Connect Back-Channel Logout): the subject
        and its session there, one of them at least. Raises RefusedError for what it did not sign."""
        described = self._described()
        try:
            token = self._decoded(logout_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "values": [described["issuer"]]},
                    "aud": {"essential": True, "value": self._auth.client_id},
                },
            )
            # Without `sub`, which a logout token may lack.
            claims.ESSENTIAL_CLAIMS = ["iss", "aud", "iat", "jti", "events"]
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError) as error:
            raise RefusedError("The logout token cannot be believed.") from error
        events = claims.get("events")
        if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise RefusedError("The token is none of a logout.")
        if abs(time.time() - float(claims["iat"])) > 10 * LEEWAY:
            raise RefusedError("The logout token is too old.")
        subject, session = _text(claims, "sub"), _text(claims, "sid")
        if subject is None and session is None:
            raise RefusedError("The logout token does not say whose session is over.")
        return subject, session

    def _client(self) -> OAuth2Client:
        methods = self._metadata.get("token_endpoint_auth_methods_supported")
        # Basic is what a provider has that does not say.
        basic = not methods or "client_secret_basic" in methods
        return OAuth2Client(
            client_id=self._auth.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
            scope=" ".join(self._auth.scopes),
            redirect_uri=f"{self._auth.base_url}{CALLBACK}",
            code_challenge_method="S256",
            timeout=TIMEOUT,
            verify=self._verify,
        )

    def _described(self) -> dict[str, Any]:
        """What the provider says about itself."""
        with self._turn:
            if time.monotonic() - self._metadata_at > KEPT_SECONDS:
                address = f"{self._auth.issuer}/.well-known/openid-configuration"
                try:
                    found = self._get(address)
                except ProviderError:
                    if not self._metadata:
                        raise
                    # It hardly changes; what comes next tells whether it answers.
                    self._metadata_at = time.monotonic() - KEPT_SECONDS + TRIED_AGAIN_AFTER
                    return self._metadata
                if str(found.get("issuer", "")).rstrip("/") != self._auth.issuer:
                    raise ProviderError(
                        f"auth.issuer is {self._auth.issuer}, but {address} is the one of "
                        f"{found.get('issuer')!r:.100}.",
                        "Write the issuer as the provider has it.",
                    )
                missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - set(found)
                if missing:
                    raise ProviderError(f"{address} lacks {', '.join(sorted(missing))}.")
                self._metadata, self._metadata_at = found, time.monotonic()
            return self._metadata

    def _claims_of(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is the provider's, for us, for this sign-in, and in force."""
        if not isinstance(token.get("id_token"), str):
            raise RefusedError(
                f"{self.host} did not say who you are.", 'auth.scopes must contain "openid".'
            )
        decoded = self._decoded(token["id_token"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "values": [self._described()["issuer"]]},
                "aud": {"essential": True, "value": self._auth.client_id},
            },
            {
                "nonce": nonce,
                "client_id": self._auth.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=LEEWAY)
        return dict(claims)

    def _decoded(self, token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        try:
            return jwt.decode(token, self._key_set(), registry=registry)
        except (InvalidKeyIdError, JoseError):
            # The keys may have changed since they were fetched: without a name even under the same one.
            with self._turn:
                recent = time.monotonic() - self._keys_at < REFETCHED_AFTER
            if recent:
                raise
            return jwt.decode(token, self._key_set(again=True), registry=registry)

    def _key_set(self, *, again: bool = False) -> KeySet:
        described = self._described()
        with self._turn:
            old = time.monotonic() - self._keys_at > KEPT_SECONDS
            if self._keys is None or again or old:
                found = self._get(described["jwks_uri"])
                # Keys of a kind that we do not know are those of others.
                signing = [key for key in found.get("keys", ()) if key.get("use", "sig") == "sig"]
                self._keys = KeySet.import_key_set({"keys": signing})
                self._keys_at = time.monotonic()
            return self._keys

    def _userinfo(
        self, client: OAuth2Client, described: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the ID token may have left out."""
        wanted = {
            "email",
            "email_verified",
            "name",
            self._auth.groups_claim,
            self._auth.username_claim,
        } - {""}
        if wanted <= set(claims) or not described.get("userinfo_endpoint"):
            return {}
        response = client.get(described["userinfo_endpoint"])
        response.raise_for_status()
        found = response.json()
        if not isinstance(found, dict) or found.get("sub") != claims["sub"]:
            raise RefusedError(f"{self.host} speaks of somebody else.", "Sign in again.")
        return found

    def _identified(self, claims: Mapping[str, Any]) -> Identified:
        email = _text(claims, "email")
        verified = claims.get("email_verified") in (True, "true")
        groups = claims.get(self._auth.groups_claim) or ()
        if not isinstance(groups, list | tuple):
            groups = str(groups).split()
        username = _text(claims, self._auth.username_claim) if self._auth.username_claim else None
        name = _text(claims, "name") or username or email or str(claims["sub"])
        return Identified(
            subject=str(claims["sub"]),
            provider_session=_text(claims, "sid"),
            name=name[:200],
            email=email.lower() if email and verified else None,
            username=username.lower() if username else None,
            groups=tuple(str(each) for each in groups),
        )

    def _require_patience(self) -> None:
        """Raises ProviderError where somebody has just waited for it in vain."""
        if time.monotonic() - self._waited_in_vain_at < LEFT_ALONE:
            raise self._not_answering()

    def _get(self, address: str) -> dict[str, Any]:
        self._require_patience()
        try:
            response = httpx2.get(
                address,
                timeout=TIMEOUT,
                verify=self._verify,
                headers={"Accept": "application/json"},
            )
            response.raise_for_status()
            found = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise self._silent(error) from error
        if not isinstance(found, dict):
            raise ProviderError(f"{address} is no JSON object.")
        self._faults.end(AWAY)
        return found

    def _silent(self, error: Exception) -> ProviderError:
        if isinstance(error, httpx2.TimeoutException):
            self._waited_in_vain_at = time.monotonic()
        self._faults.begin(AWAY, f"{self.host}: {str(error)[:200]}")
        return self._not_answering()

    def _not_answering(self) -> ProviderError:
        return ProviderError(
            f"{self.host}, where people sign in, does not answer.",
            "Who is signed in already stays so; try again in a minute.",
        )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    found = claims.get(name)
    return str(found) if isinstance(found, str | int) and str(found).strip() else None
