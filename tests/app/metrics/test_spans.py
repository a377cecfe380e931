"""Spans of teams: the same are read whether the server looks the teams up or reads those of all."""

from datetime import date

import pytest
from psycopg import sql
from sqlalchemy import insert

from app.metrics.attribution import FOREVER
from app.metrics.people import load_people
from app.metrics.work_columns import FEW_TEAMS, Attribution, Presence
from app.store.tables import AttributionSpan, TeamMemberSpan
from tests.app.metrics.conftest import Store

FIRST = date(2024, 1, 1)
EVERY_DAY = sql.SQL("true")
ALL_TEAMS = range(FEW_TEAMS + 10)


@pytest.fixture
def team_ids(store: Store) -> list[int]:
    """Each of the teams has one member, whose account has the team's id."""
    made = [store.team(f"team-{number:02}") for number in ALL_TEAMS]
    spans = [{"team_id": team_id, "first_day": FIRST, "end_day": FOREVER} for team_id in made]
    members = [{**span, "person_id": f"p{span['team_id']}"} for span in spans]
    works = [{**span, "account_id": span["team_id"], "orphaned": False} for span in spans]
    store.session.execute(insert(TeamMemberSpan), members)
    store.session.execute(insert(AttributionSpan), works)
    return made


@pytest.mark.parametrize("count", [1, FEW_TEAMS, FEW_TEAMS + 1, len(ALL_TEAMS)])
def test_those_of_other_teams_are_left_out(store: Store, team_ids: list[int], count: int) -> None:
    """Those of the first teams or of the last ones: others are before and behind them."""
    for asked in (team_ids[:count], team_ids[-count:]):
        work = Attribution.read(store.session, asked, EVERY_DAY)
        assert [asked[team] for team in work.team] == work.account.tolist() == asked
        presence = Presence.read(store.session, asked, EVERY_DAY)
        assert sorted(asked[team] for team in presence.team) == asked
        assert set(presence.first.tolist()) == {FIRST.toordinal()}
        people = load_people(store.session, asked, asked[0])
        stays = people.stays
        pairs = zip(stays.person, stays.team, strict=True)
        of_team = {asked[team]: stays.names[who] for who, team in pairs}
        assert of_team == {team_id: f"p{team_id}" for team_id in asked}
