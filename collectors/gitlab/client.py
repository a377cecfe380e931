"""The way to GitLab: GraphQL and REST through python-gitlab, one policy of patience, all counted."""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from threading import BoundedSemaphore, local
from typing import Any

import gitlab
import httpx
import requests
from gitlab.exceptions import GitlabError
from gql import GraphQLRequest
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
)

from app.errors import AppError, ConfigurationError
from app.redaction import Redaction
from app.settings import GitLabSettings
from collectors.connections import Connections
from collectors.gitlab.errors import (
    HeavyQueryError,
    NoSuchRouteError,
    QueryRefusedError,
    UnreachableError,
    about_status,
)
from collectors.gitlab.queries import Query
from collectors.gitlab.server_clock import ServerClock
from collectors.gitlab.transport import RestSession
from collectors.pace import Pace
from collectors.retry import Patience, RetryPolicy, Transient, asked_wait, date_of
from collectors.source import Counters

HOLDERS = ("group", "project")
"""What an answer may hold lists in: an object, or null where it is not there."""
USER_AGENT = f"teamgauge/{version('teamgauge')}"
TIMEOUT = httpx.Timeout(10.0, read=90.0)
"""Seconds to connect and between two pieces of an answer; GitLab itself gives up after 30 to 60."""

OVERLOADED = frozenset({500, 502, 504, 524})
"""Statuses that also come when one query is too much for the server: a smaller page may pass."""


@dataclass(slots=True)
class _Answer:
    """What the transport saw last in this thread."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: datetime = field(default_factory=lambda: datetime.now(UTC))


class _Thread(local):
    """What each thread has of its own: neither client of python-gitlab may be shared."""

    graphql: gitlab.GraphQL | None = None
    rest: gitlab.Gitlab | None = None
    answer: _Answer | None = None


class GitLabClient:
    """One GitLab instance for one run; safe to use from many threads.

    token: empty for public data only. Raises ConfigurationError for a ca_file that is none.
    pace: of the token, shared with others that use it; None: with nobody.
    clock: GitLab's, known after the first answer.
    """

    def __init__(
        self,
        settings: GitLabSettings,
        token: str,
        counters: Counters,
        policy: RetryPolicy | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.base_url = settings.url.rstrip("/")
        self._hide = Redaction([token])
        self._token_from = (
            f"gitlab.token_file {settings.token_file}" if settings.token_file else "gitlab.token"
        )
        self._counters = counters
        self._pace = pace
        self._patience = Patience(policy or RetryPolicy(), counters.retry, self._wait_for_place)
        self._in_flight = BoundedSemaphore(settings.concurrency)
        self._thread = _Thread()
        self.clock = ServerClock()
        self._connections = Connections()
        headers = {"User-Agent": USER_AGENT}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            headers=headers,
            timeout=TIMEOUT,
            verify=_certificates(settings),
            event_hooks={"request": [self._connections.watch], "response": [self._note_answer]},
        )

    def close(self) -> None:
        """Ends waiting threads and closes the connections."""
        self.stop()
        self._http.close()

    def stop(self) -> None:
        """Lets no further request begin and gives up those under way, which raise StoppedError."""
        self._patience.stop()
        self._connections.end()

    def _wait_for_place(self) -> float:
        """Seconds until the token's rate limit may allow another request; 0: this one may begin."""
        if self._pace is None:
            return 0.0
        wait = self._pace.before()
        if wait:
            self._counters.add({}, 0, wait)
        return wait

    def graphql(
        self,
        query: Query,
        variables: Mapping[str, Any],
        *,
        about: str,
        attempts: int | None = None,
    ) -> Mapping[str, Any]:
        """The data of a GraphQL answer without errors. Variables that are None are left out.

        about: what is asked for, for sentences. attempts: at most so many tries where asking for
        less may help; a server that is not there is waited for as ever.
        Raises a GitLabError; HeavyQueryError where a smaller page may pass, QueryRefusedError where
        what holds the lists is no object.
        """
        given = {name: value for name, value in variables.items() if value is not None}
        request = GraphQLRequest(query.document, variable_values=given)
        data: Mapping[str, Any] = self._patience.call(
            lambda: self._graphql_once(request, query.name, about), attempts
        )
        for name in HOLDERS:
            if not isinstance(data.get(name), Mapping | None):
                raise QueryRefusedError(
                    f"GitLab's answer about {about} cannot be read: {name} is not an object."
                )
        return data

    def rest(self, path: str, kind: str, *, about: str, **parameters: Any) -> Any:
        """The JSON of a REST answer. path: below /api/v4, `/projects/1`. kind: for the counters.

        Raises a GitLabError.
        """
        return self._patience.call(lambda: self._rest_once(path, kind, about, parameters))

    # GraphQL ------------------------------------------------------------------------------------

    def _graphql_once(self, request: GraphQLRequest, kind: str, about: str) -> Any:
        thread = self._thread
        if thread.graphql is None:
            # Retries are ours: python-gitlab's know neither dropped connections nor truncated answers.
            thread.graphql = gitlab.GraphQL(
                self.base_url, client=self._http, max_retries=0, obey_rate_limit=False
            )
        with self._in_flight:
            thread.answer = seen = _Answer()
            self._counters.request(kind)
            try:
                # It hands a request that is parsed already, with its variables, on to gql as it is.
                data = thread.graphql.execute(request)  # type: ignore[arg-type]
            except TransportQueryError as error:
                raise self._about_errors(seen, error.errors or [], about) from error
            except TransportConnectionFailed as error:
                cause = error.__cause__
                raise self._about_connection(cause or error, about) from error
            except TransportProtocolError as error:
                raise Transient(self._not_json()) from error
            except (GitlabError, httpx.HTTPStatusError) as error:
                # Where httpx2 is installed beside httpx, gql does not know httpx's exception.
                if seen.status == 404:
                    raise UnreachableError(
                        f"There is no GitLab at {self.base_url}: /api/graphql answers HTTP 404.",
                        "Check that gitlab.url is the base address of GitLab itself.",
                    ) from error
                raise self._about_status(seen, seen.status, about) from error
            except TransportError as error:
                raise Transient(self._unreachable(str(error))) from error
            except (AssertionError, AttributeError, TypeError) as error:
                # How gql meets JSON that is no answer of GraphQL: null, a list, null as data.
                raise Transient(self._not_json()) from error
        if not isinstance(data, dict):
            raise Transient(self._not_json())
        return data

    def _note_answer(self, response: httpx.Response) -> None:
        """Keeps status and headers, which python-gitlab does not hand on with every failure."""
        seen = self._thread.answer
        if seen is None:
            return
        seen.status = response.status_code
        seen.headers = {name.lower(): value for name, value in response.headers.items()}
        if self._pace is not None:
            self._pace.noted(seen.status, seen.headers)
        if response.status_code < 400:
            self.clock.note(date_of(seen.headers.get("date", "")), seen.sent, datetime.now(UTC))

    def _about_errors(self, seen: _Answer, errors: Sequence[Any], about: str) -> Exception:
        """What to do about `errors` in an answer; data beside them is never taken as whole."""
        messages = [
            str(each.get("message", each) if isinstance(each, Mapping) else each) for each in errors
        ]
        said = self._shown("; ".join(messages))
        if 300 <= seen.status < 500 and seen.status != 422:
            return self._about_status(seen, seen.status, about, said)
        if any(re.search(r"\bcomplexity of \d+", message) for message in messages):
            return HeavyQueryError(
                f"GitLab at {self.base_url} refuses the query for {about}: {said}.", complexity=True
            )
        # With status 200, or 503 where the database gave up first.
        if any(re.search(r"\btime ?out|timed out", message, re.I) for message in messages):
            return HeavyQueryError(
                f"GitLab at {self.base_url} took too long over {about}: {said}.",
                "Start the run again when GitLab is less busy.",
            )
        if seen.status >= 500:
            return self._about_status(seen, seen.status, about, said)
        if any(re.search(r"invalid token", message, re.I) for message in messages):
            return about_status(401, self.base_url, about, said, setting=self._token_from)
        unknown = [
            message
            for message in messages
            if re.search(r"doesn't exist on type|doesn't accept argument|isn't defined", message)
        ]
        if unknown:
            return QueryRefusedError(
                f"GitLab at {self.base_url} does not know what teamgauge asks for:"
                f" {self._shown(unknown[0])}.",
                "Update GitLab to version 18 or newer.",
            )
        final = QueryRefusedError(
            f"GitLab at {self.base_url} could not tell all of {about}: {said}."
        )
        # GraphQL answers 422 to what it cannot read, and asking again changes no permission.
        refused = any("you don't have permission" in message for message in messages)
        return final if refused or seen.status == 422 else Transient(final)

    # REST ---------------------------------------------------------------------------------------

    def _rest_once(self, path: str, kind: str, about: str, parameters: Mapping[str, Any]) -> Any:
        thread = self._thread
        if thread.rest is None:
            # The token is among the headers of the client that its session sends everything with.
            thread.rest = gitlab.Gitlab(
                self.base_url, user_agent=USER_AGENT, session=RestSession(self._http)
            )
        with self._in_flight:
            thread.answer = seen = _Answer()
            self._counters.request(kind)
            try:
                answer = thread.rest.http_get(
                    path,
                    query_data=dict(parameters),
                    obey_rate_limit=False,
                    retry_transient_errors=False,
                    max_retries=0,
                    raw=True,
                )
            except RecursionError as error:  # it looks into the body of a failure
                raise Transient(self._not_json()) from error
            except (httpx.HTTPError, requests.RequestException) as error:
                raise self._about_connection(error, about) from error
            except GitlabError as error:
                status = error.response_code or seen.status
                if status == 404 and _is_of_the_router(error):
                    raise NoSuchRouteError(
                        f"GitLab at {self.base_url} does not know how to tell {about}.",
                        "Update GitLab to version 18 or newer.",
                    ) from error
                raise self._about_status(seen, status, about, _said(error)) from error
        assert isinstance(answer, requests.Response)
        try:
            told = answer.json()
        except (ValueError, RecursionError) as error:
            raise Transient(self._not_json()) from error
        if told is None:
            raise Transient(self._not_json())
        return told

    # Sentences ----------------------------------------------------------------------------------

    def _about_status(self, seen: _Answer, status: int, about: str, said: str = "") -> Exception:
        if 300 <= status < 400:
            # What a sign-in page is given in its query is nobody's business.
            said = seen.headers.get("location", "").partition("?")[0]
        said = self._shown(said)
        final: AppError = about_status(status, self.base_url, about, said, setting=self._token_from)
        if status == 429:
            return Transient(final, asked_wait(seen.headers, limited=True), limited=True)
        wait = asked_wait(seen.headers, limited=False)
        if status in OVERLOADED:
            return Transient(HeavyQueryError(final.message, final.hint), wait, lighter=True)
        if status >= 500 or status in (408, 425):
            return Transient(final, wait)
        return final

    def _about_connection(self, error: BaseException, about: str) -> Exception:
        reason = str(error).strip() or type(error).__name__
        if isinstance(error, httpx.ReadTimeout):
            return Transient(
                HeavyQueryError(f"GitLab at {self.base_url} took too long over {about}: {reason}."),
                lighter=True,
            )
        return Transient(self._unreachable(reason))

    def _unreachable(self, reason: str) -> AppError:
        return UnreachableError(
            f"GitLab at {self.base_url} cannot be reached: {self._shown(reason)}.",
            "Check gitlab.url, the network and, behind a proxy, HTTPS_PROXY and gitlab.ca_file.",
        )

    def _shown(self, said: str) -> str:
        """What somebody else said, for a sentence: a server may repeat the token that it was sent."""
        text = " ".join(self._hide(said).split()).rstrip(".")
        return text if len(text) <= 300 else text[:297] + "..."

    def _not_json(self) -> AppError:
        return UnreachableError(
            f"GitLab at {self.base_url} does not answer with JSON.",
            "Check that gitlab.url is the base address of GitLab itself.",
        )


def _certificates(settings: GitLabSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except OSError as error:  # SSLError, which says that it holds no certificate, is one of these
        raise ConfigurationError(
            f"gitlab.ca_file {settings.ca_file} cannot be read as certificates:"
            f" {error.strerror or error}.",
            "Name a file with PEM certificates that this user may read.",
        ) from error


def _said(error: GitlabError) -> str:
    """GitLab's own words in a JSON answer; nothing where it sent a page or nothing."""
    message: Any = error.error_message  # declared as a text, but whatever the JSON had
    if isinstance(message, bytes):
        return ""
    return message if isinstance(message, str) else json.dumps(message)


def _is_of_the_router(error: GitlabError) -> bool:
    """Whether a 404 is about the route: about a record GitLab says `message` instead of `error`."""
    try:
        told = json.loads(error.response_body or b"")
    except ValueError:
        return False
    return isinstance(told, dict) and "error" in told and "message" not in told
