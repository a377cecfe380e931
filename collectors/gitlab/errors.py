"""What can go wrong with GitLab, as sentences; the classes say what the collector does about it."""

from app.errors import AppError


class GitLabError(AppError):
    """Something of GitLab could not be read."""


class SourceError(GitLabError):
    """Nothing more can be read from this GitLab: the run ends, what was read is kept."""


class TokenRefusedError(SourceError):
    """401: the token is wrong, expired, revoked or too narrow."""


class UnreachableError(SourceError):
    """The server did not answer, or not as GitLab does, in spite of patience."""


class ScopeError(GitLabError):
    """One group or project could not be read; the others go on."""


class ForbiddenError(ScopeError):
    """403."""


class NotFoundError(ScopeError):
    """404, or null where a group or project was asked for."""


class NoSuchRouteError(NotFoundError):
    """404 because this version of GitLab's REST has nothing of the kind."""


class QueryRefusedError(ScopeError):
    """GraphQL answered with errors that asking again does not mend."""


class HeavyQueryError(ScopeError):
    """The query costs more, or takes longer, than this GitLab allows: ask for a smaller page.

    complexity: whether GitLab refused it unread, so that a page of this size never passes.
    """

    def __init__(self, message: str, hint: str = "", *, complexity: bool = False) -> None:
        super().__init__(message, hint)
        self.complexity = complexity


def about_status(
    status: int, base_url: str, about: str, detail: str = "", setting: str = "gitlab.token"
) -> GitLabError:
    """The sentence for an HTTP status that asking again does not mend.

    about: what was asked for, as it is written in the configuration. detail: GitLab's own words;
    for a redirect where to. setting: of the token.
    """
    said = f' ("{detail}")' if detail else ""
    if status == 401:
        return TokenRefusedError(
            f"GitLab at {base_url} does not accept the token of {setting}{said}.",
            "It may have expired: put a valid one with the scope read_api there.",
        )
    if status == 403:
        return ForbiddenError(
            f"GitLab at {base_url} forbids reading {about} with this token{said}.",
            "Give the owner of gitlab.token access to it, and the token the scope read_api.",
        )
    if status == 404:
        return NotFoundError(
            f"GitLab at {base_url} does not have {about}, or does not show it to this token{said}.",
            "Correct the configuration, or give the owner of gitlab.token access to it.",
        )
    if 300 <= status < 400:
        return UnreachableError(
            f"GitLab at {base_url} sends requests elsewhere (HTTP {status}{detail and f' to {detail}'}).",
            "Write GitLab's own address into gitlab.url, with https if it asks for that.",
        )
    if status == 429:
        return UnreachableError(
            f"GitLab at {base_url} still limits the rate of requests after every patience.",
            "Lower gitlab.concurrency, or start the run again later.",
        )
    if status >= 500:
        return UnreachableError(
            f"GitLab at {base_url} answers HTTP {status} to {about}, again and again{said}.",
            "Start the run again when GitLab is well.",
        )
    return QueryRefusedError(f"GitLab at {base_url} refuses to tell {about}: HTTP {status}{said}.")
