"""Who is a bot: what the source flags, and what a username gives away."""

from collections.abc import Iterable

from app.settings import glob_pattern

BUILT_IN_PATTERNS = ("project_*_bot*", "group_*_bot*", "*-bot", "ghost")
"""GitLab's own patterns of bot usernames."""


class BotPatterns:
    """Matches usernames against the built-in patterns and the configured ones."""

    def __init__(self, configured: Iterable[str] = ()) -> None:
        self._patterns = [glob_pattern(glob) for glob in (*BUILT_IN_PATTERNS, *configured)]

    def matches(self, username: str) -> bool:
        """Whether the username is a bot's by its form."""
        return any(pattern.fullmatch(username) for pattern in self._patterns)
