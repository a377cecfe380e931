"""A fake of GitLab: its REST and GraphQL over an in-memory world, for the demo and the tests."""

from demo.gitlab.answer import Request
from demo.gitlab.fake import DEFAULT_TOKEN, GitLabFake, RateLimit, Token
from demo.gitlab.records import Group, Label, MergeRequest, Note, Project, ReviewerRow, User
from demo.gitlab.store import Unknown
from demo.gitlab.world import World

__all__ = [
    "DEFAULT_TOKEN",
    "GitLabFake",
    "Group",
    "Label",
    "MergeRequest",
    "Note",
    "Project",
    "RateLimit",
    "Request",
    "ReviewerRow",
    "Token",
    "Unknown",
    "User",
    "World",
]
