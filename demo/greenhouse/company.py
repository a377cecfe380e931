"""The invented company's Greenhouse: its departments are the teams, its openings those of the plan."""

from datetime import UTC, date, datetime, time
from typing import Any

from demo.company.build import CompanyWorld
from demo.greenhouse.fake import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from demo.greenhouse.records import CloseReason, Department, Job
from demo.greenhouse.world import HiringWorld

BY_NAME_ONLY = frozenset({"insights", "mobile"})
"""Departments without an external_id, which are found by their name."""


def build(company: CompanyWorld) -> HiringWorld:
    """What Greenhouse holds of the company; openings have the numbers that openings.csv gives them."""
    world = HiringWorld()
    founded = _noon(company.first_day)
    departments: dict[str, Department] = {}
    jobs: dict[str, Job] = {}
    for team in company.teams:
        departments[team.slug] = world.add_department(
            team.name,
            None if team.slug in BY_NAME_ONLY else team.slug,
            parent=departments[team.parent] if team.parent is not None else None,
            at=founded,
        )
        jobs[team.slug] = world.add_job(
            f"Engineer, {team.name}", departments[team.slug], at=founded
        )
    reasons: dict[str, CloseReason] = {}
    for place in company.hiring.openings:
        opening = world.open_opening(
            jobs[place.team],
            at=_noon(place.opened_on),
            target_start_on=place.target_start_on,
            number=place.number,
        )
        for made in place.offers:
            offer = world.make_offer(opening, starts_on=made.starts_on, at=_noon(made.sent_on))
            if made.resolved_on is not None:
                world.resolve_offer(offer, made.status, _noon(made.resolved_on))
        if place.closed_on is not None:
            if place.close_reason not in reasons:
                reasons[place.close_reason] = world.add_close_reason(place.close_reason, at=founded)
            world.close_opening(opening, reasons[place.close_reason], _noon(place.closed_on))
    return world


def settings_for(base_url: str) -> dict[str, Any]:
    """The section `[greenhouse]` of a configuration that reads the fake at an address."""
    return {
        "url": base_url,
        "token_url": f"{base_url}{TOKEN_PATH}",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
