"""A fake of Greenhouse: its Harvest v3 API over an in-memory world, for the demo and the tests."""

from demo.greenhouse.company import build, settings_for
from demo.greenhouse.fake import CLIENT_ID, CLIENT_SECRET, GreenhouseFake, RateLimit
from demo.greenhouse.records import CloseReason, Department, Job, Offer, Opening
from demo.greenhouse.world import HiringWorld

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CloseReason",
    "Department",
    "GreenhouseFake",
    "HiringWorld",
    "Job",
    "Offer",
    "Opening",
    "RateLimit",
    "build",
    "settings_for",
]
