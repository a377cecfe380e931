"""People, employment and teams from BambooHR: a look at what changed, and a whole reading if it did."""

from collectors.bamboohr.reading import fetch

__all__ = ["fetch"]
