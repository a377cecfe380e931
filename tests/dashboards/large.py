"""An organisation of any size whose values stand in the store as refresh leaves them: no sweep, only rows."""

import json
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from app.metrics import INDICATORS
from app.metrics.calendar import last_of_month, months_back
from app.metrics.indicator import Cadence, Indicator
from app.settings import Settings

NOW = datetime(2026, 11, 22, 6, 10, tzinfo=UTC)
TODAY = NOW.date()
SETTINGS = Settings.model_validate(
    {
        "gitlab": {"groups": ["acme"]},
        "files": {"teams": "/etc/teamgauge/teams.yaml"},
        "reporting": {"history_start": "2024-01-01"},
    }
)
BRANCH = 8
"""Teams below one parent."""
MONTHS = 30
HOSTILE_NAME = '=Ops & "Tools" <script>window.hit=1</script>'

TEAMS = text(
    "INSERT INTO teams (slug, name, parent, owns) VALUES (:slug, :name, :parent, '{}')"
    " ON CONFLICT (slug) DO NOTHING"
)
MEMBERS = text(
    "INSERT INTO team_member_spans (team_id, person_id, first_day, end_day)"
    " SELECT id, 'person-' || number, '2020-01-01', '9999-12-31'"
    " FROM teams, generate_series(1, 11) AS number ON CONFLICT DO NOTHING"
)
# As long as a double is, and different in every period of every team.
VALUES = text(
    """
    INSERT INTO indicator_values
        (indicator, variant, team_id, period, value, n, p25, p75, p95, partial, beside, recorded_at)
    SELECT :indicator, :variant, team.id, period, value, 5 + chance % 40,
           value / 3, value * 1.7, value * 4, period >= :running, cast(:beside AS jsonb), :now
    FROM teams AS team
        CROSS JOIN unnest(cast(:periods AS date[])) AS period
        CROSS JOIN LATERAL (SELECT abs(hashtext(team.slug || period || :indicator)) % 1000) AS c(chance)
        CROSS JOIN LATERAL (SELECT :target * (0.95 + chance / 7000.0)::double precision) AS v(value)
    WHERE NOT EXISTS (
        SELECT FROM indicator_values AS known
        WHERE known.team_id = team.id AND known.indicator = :indicator AND known.period = period)
    """
)


def fill(engine: Engine, teams: int) -> None:
    """Brings the organisation to so many teams besides the root, each with its values."""
    with engine.begin() as connection:
        for number in range(teams):
            parent = number - number % BRANCH
            connection.execute(
                TEAMS,
                {
                    "slug": f"team-{number}",
                    "name": HOSTILE_NAME if number == 0 else f"Localisation {number}",
                    "parent": "organisation" if parent == number else f"team-{parent}",
                },
            )
        connection.execute(MEMBERS)
        for indicator in INDICATORS:
            connection.execute(VALUES, _values(indicator))
        through = {each.key: NOW.isoformat() for each in INDICATORS}
        connection.execute(
            text(
                "INSERT INTO refresh_state (id, configuration, definitions, data_through, refreshed_at)"
                " VALUES (1, '{}', '{}', to_jsonb(cast(:through AS json)), :now)"
                " ON CONFLICT DO NOTHING"
            ),
            {"through": _json(through), "now": NOW},
        )
        connection.execute(
            text(
                "INSERT INTO runs (source, kind, started_at, finished_at, outcome, message,"
                " data_through)"
                " SELECT source, 'full', at, at, 'done', '', at"
                " FROM unnest(ARRAY['files', 'gitlab']) AS source"
                " CROSS JOIN unnest(ARRAY[:now - interval '2 days', :now]) AS at"
            ),
            {"now": NOW},
        )


def _values(indicator: Indicator) -> dict[str, object]:
    daily = indicator.cadence is Cadence.DAILY
    running = TODAY.replace(day=1)
    months = [months_back(running, back) for back in range(1, MONTHS)]
    shares = [{"category": "man", "share": 55.5}, {"category": "woman", "share": 44.5}]
    return {
        "indicator": indicator.key,
        "variant": indicator.default_variant,
        "periods": [TODAY, *map(last_of_month, months)] if daily else [running, *months],
        "running": TODAY if daily else running,
        "target": None
        if indicator.categorical
        else indicator.target.value
        if indicator.target
        else 3.0,
        "beside": _json({"categories": shares, "suppressed": False})
        if indicator.categorical
        else None,
        "now": NOW,
    }


def _json(value: object) -> str:
    return json.dumps(value)
