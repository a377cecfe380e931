"""A fake of BambooHR: its API over an in-memory company, for the demo and the tests."""

from demo.bamboohr.company import INVOLUNTARY, OTHER, VOLUNTARY, Company, Employee
from demo.bamboohr.fake import DEFAULT_KEY, BambooHRFake
from demo.bamboohr.roster import company_of, in_two_teams

__all__ = [
    "DEFAULT_KEY",
    "INVOLUNTARY",
    "OTHER",
    "VOLUNTARY",
    "BambooHRFake",
    "Company",
    "Employee",
    "company_of",
    "in_two_teams",
]
