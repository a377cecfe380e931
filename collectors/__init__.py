"""The branch that brings data in: one folder per source, one list of them."""

from collectors import files
from collectors.source import Source

SOURCES: tuple[Source, ...] = (Source(name="files", title="Files", fetch=files.fetch),)
