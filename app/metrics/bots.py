"""Who is a bot: what the source flags, and what a username gives away."""

import re
from collections.abc import Iterable

from app.settings import glob_pattern

BUILT_IN_PATTERNS = ("project_*_bot*", "group_*_bot*", "*-bot", "ghost")
"""GitLab's own patterns of bot usernames."""


class BotPatterns:
    """Matches usernames against the built-in patterns and the configured ones."""

    def __init__(self, configured: Iterable[str] = ()) -> None:
        patterns = [glob_pattern(glob).pattern for glob in (*BUILT_IN_PATTERNS, *configured)]
        # One pattern for all of them: every account of a company is held against it.
        self._any = re.compile("|".join(patterns), glob_pattern("").flags)

    def matches(self, username: str) -> bool:
        """Whether the username is a bot's by its form."""
        return self._any.fullmatch(username) is not None
