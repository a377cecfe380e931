"""teamgauge: eight indicators per engineering team, from merge requests as they stood on any day."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("teamgauge")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
