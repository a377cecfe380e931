"""The branch that brings data in: one folder per source, one list of them."""

from collectors import bamboohr, files, gitlab, greenhouse
from collectors.gitlab.helper import GitLabHelper
from collectors.gitlab.marked import read_marked
from collectors.source import Source

SOURCES = (
    Source(name="files", title="Files of the organisation", fetch=files.fetch),
    Source(name="bamboohr", title="BambooHR", fetch=bamboohr.fetch),
    Source(name="greenhouse", title="Greenhouse", fetch=greenhouse.fetch),
    Source(
        name="gitlab",
        title="GitLab",
        fetch=gitlab.fetch,
        marked=read_marked,
        helper=GitLabHelper,
    ),
)
"""Every source, in the order in which a plain `collect` runs them."""
