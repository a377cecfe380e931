"""The branch that brings data in: one folder per source, one list of them.

A source's own modules, and the client libraries that they need, are loaded when it is first asked.
"""

from collections.abc import Iterator

from collectors.record import Batch
from collectors.source import Context, Helper, Source


def _files(context: Context) -> Iterator[Batch]:
    from collectors.files import fetch

    return fetch(context)


def _bamboohr(context: Context) -> Iterator[Batch]:
    from collectors.bamboohr import fetch

    return fetch(context)


def _greenhouse(context: Context) -> Iterator[Batch]:
    from collectors.greenhouse import fetch

    return fetch(context)


def _gitlab(context: Context) -> Iterator[Batch]:
    from collectors.gitlab import fetch

    return fetch(context)


def _marked_of_gitlab(context: Context) -> Iterator[Batch]:
    from collectors.gitlab.marked import read_marked

    return read_marked(context)


def _helper_of_gitlab(context: Context) -> Helper:
    from collectors.gitlab.helper import GitLabHelper

    return GitLabHelper(context)


SOURCES = (
    Source(name="files", title="Files of the organisation", fetch=_files),
    Source(name="bamboohr", title="BambooHR", fetch=_bamboohr),
    Source(name="greenhouse", title="Greenhouse", fetch=_greenhouse),
    Source(
        name="gitlab",
        title="GitLab",
        fetch=_gitlab,
        marked=_marked_of_gitlab,
        helper=_helper_of_gitlab,
    ),
)
"""Every source, in the order in which a plain `collect` runs them."""
