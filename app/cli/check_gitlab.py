"""What `check` asks GitLab: whether it answers, what the token may do, and what each path leads to."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.settings import gitlab_token

if TYPE_CHECKING:
    from app.settings import Settings
    from collectors.gitlab.client import GitLabClient

GROUP = "query CheckGroup($path: ID!) {group(fullPath: $path) {projects(includeSubgroups: true) {count}}}"
PROJECT = "query CheckProject($path: ID!) {project(fullPath: $path) {fullPath}}"
NOT_FOUND = "not found: check its path, and that the token's owner may see it (Reporter is enough)"
ENOUGH = {"api", "read_api"}
"""Scopes of a token, each of which lets it read everything that is collected."""

CLOCKS_APART = timedelta(minutes=1)
"""Ages are wrong by as much as the clocks differ."""

EXPIRES_SOON = timedelta(days=14)

Finding = tuple[bool | None, str, str]
"""(whether it works, what it is, one sentence about it). None: it works, and is probably not meant so."""


def check_gitlab(settings: "Settings") -> Iterator[Finding]:
    """One finding each: the instance, the token, every group and every project."""
    from collectors.gitlab.client import GitLabClient
    from collectors.gitlab.errors import SourceError
    from collectors.retry import RetryPolicy
    from collectors.source import Counters

    if "gitlab" not in settings.configured_sources():
        yield True, "gitlab", "not configured, set gitlab.groups or gitlab.projects to collect it"
        return
    token = gitlab_token(settings)
    impatient = RetryPolicy(attempts=2, first_attempts=2, limited_attempts=2, longest=10.0)
    client = GitLabClient(settings.gitlab, token, Counters(), impatient)
    try:
        if token:
            yield _instance(client, settings.gitlab.url)
            yield from _clock(client)
            yield _token(client)
        else:
            yield True, "gitlab", f"{settings.gitlab.url}, without a token: public projects only"
        for path in settings.gitlab.groups:
            yield _group(client, path)
        for path in settings.gitlab.projects:
            yield _project(client, path)
        for handbook in settings.gitlab.handbook:
            yield _project(client, handbook.project)
    except SourceError as error:  # nothing more can be asked
        yield False, "gitlab", str(error)
    finally:
        client.close()


def _ask(client: "GitLabClient", path: str, about: str) -> dict[str, Any] | None:
    """A REST answer; None where this GitLab does not tell."""
    from collectors.gitlab.errors import ScopeError

    try:
        answer = client.rest(path, "check", about=about)
    except ScopeError:
        return None
    return answer if isinstance(answer, dict) else None


def _instance(client: "GitLabClient", url: str) -> Finding:
    answer = _ask(client, "/version", "its version")
    version = answer.get("version") if answer else None
    return True, "gitlab", f"{url}, version {version or 'not told'}"


def _token(client: "GitLabClient") -> Finding:
    user = _ask(client, "/user", "whose the token is") or {}
    token = _ask(client, "/personal_access_tokens/self", "what the token may do") or {}
    scopes = [str(scope) for scope in token.get("scopes") or ()]
    whose = f"of {user['username']}" if user.get("username") else "accepted"
    ends = f", valid until {token['expires_at']}" if token.get("expires_at") else ""
    told = f"{whose}, scopes {', '.join(scopes)}{ends}" if scopes else f"{whose}{ends}"
    if scopes and not ENOUGH & set(scopes):
        return False, "gitlab.token", f"{told}: make one with the scope read_api"
    if _ends_soon(token.get("expires_at")):
        return None, "gitlab.token", f"{told}: make another one before that day"
    return True, "gitlab.token", told


def _clock(client: "GitLabClient") -> Iterator[Finding]:
    """Where GitLab's clock and ours differ; the answer to the first question has told."""
    ahead = client.clock.offset
    if abs(ahead) > CLOCKS_APART:
        which = "ahead of" if ahead > timedelta() else "behind"
        seconds = f"{abs(ahead).total_seconds():,.0f}"
        yield (
            None,
            "clock",
            f"GitLab's is {seconds} seconds {which} ours: let both follow one time server (NTP)",
        )


def _ends_soon(expires_at: Any) -> bool:
    """Whether a token ends within two weeks, or has no more than the day."""
    try:
        last = date.fromisoformat(str(expires_at)[:10])
    except ValueError:  # it does not end, or nobody tells
        return False
    return last - datetime.now(UTC).date() <= EXPIRES_SOON


def _data(client: "GitLabClient", text: str, path: str, about: str) -> Any:
    from graphql import parse

    from collectors.gitlab.queries import Query

    query = Query("check", text, parse(text, no_location=True))
    return client.graphql(query, {"path": path}, about=about)


def _group(client: "GitLabClient", path: str) -> Finding:
    from collectors.gitlab.errors import ScopeError

    what = f"group {path}"
    try:
        group = _data(client, GROUP, path, f"the group {path}").get("group")
    except ScopeError as error:
        return False, what, str(error)
    if group is None:
        return False, what, NOT_FOUND
    count = group["projects"]["count"]
    return True, what, f"{count:,} project{'' if count == 1 else 's'}"


def _project(client: "GitLabClient", path: str) -> Finding:
    from collectors.gitlab.errors import ScopeError

    what = f"project {path}"
    try:
        project = _data(client, PROJECT, path, f"the project {path}").get("project")
    except ScopeError as error:
        return False, what, str(error)
    return (project is not None), what, "found" if project is not None else NOT_FOUND
