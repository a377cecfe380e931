"""A fake of BambooHR: its API over an in-memory company, for the demo and the tests."""

from demo.bamboohr.company import INVOLUNTARY, OTHER, VOLUNTARY, Company, Employee
from demo.bamboohr.fake import DEFAULT_KEY, BambooHRFake

__all__ = [
    "DEFAULT_KEY",
    "INVOLUNTARY",
    "OTHER",
    "VOLUNTARY",
    "BambooHRFake",
    "Company",
    "Employee",
]
