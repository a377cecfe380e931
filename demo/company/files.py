"""The files that a company keeps beside its configuration, and a configuration for the demo."""

import csv
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from demo.company.build import CompanyWorld
from demo.company.plan import COMMUNITY_LABEL, GROUP, HANDBOOK
from demo.gitlab import DEFAULT_TOKEN

PEOPLE = ("person_id", "name", "email", "gitlab_username", "gender")
EMPLOYMENT = ("person_id", "start_date", "end_date", "termination_type")
MEMBERSHIPS = ("person_id", "team", "role", "valid_from", "valid_to")
PLAN = ("team", "month", "planned_headcount")
OPENINGS = ("opening_id", "team", "opened_on", "target_start_on", "closed_on", "close_reason")
TARGETS = ("team", "indicator", "valid_from", "value")


def write_files(
    world: CompanyWorld,
    folder: Path,
    *,
    people: Collection[str] | None = None,
    openings: bool = True,
) -> None:
    """Writes every file that `[files]` names into a folder.

    people: ids of those who stand in the files; None: everybody. openings: whether theirs are
    there, or an applicant tracking system has them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = [person for person in world.people if people is None or person.person_id in people]
    teams: list[dict[str, Any]] = []
    for team in world.teams:
        entry: dict[str, Any] = {"slug": team.slug, "name": team.name}
        if team.parent is not None:
            entry["parent"] = team.parent
        teams.append({**entry, "owns": list(team.owns)})
    text = yaml.safe_dump(teams, sort_keys=False, allow_unicode=True)
    (folder / "teams.yaml").write_text(text, encoding="utf-8")
    _write(
        folder / "people.csv",
        PEOPLE,
        (
            (p.person_id, p.name, p.email, world.declared.get(p.person_id, ""), p.gender)
            for p in told
        ),
    )
    _write(
        folder / "employment.csv",
        EMPLOYMENT,
        ((p.person_id, p.start_date, _day(p.end_date), p.termination_type) for p in told),
    )
    _write(
        folder / "memberships.csv",
        MEMBERSHIPS,
        (
            (p.person_id, stay.team, stay.role, stay.valid_from, _day(stay.valid_to))
            for p in told
            for stay in p.stays
        ),
    )
    plan, targets = world.hiring.plan, world.hiring.targets
    _write(folder / "plan.csv", PLAN, ((t, f"{month:%Y-%m}", n) for t, month, n in plan))
    _write(
        folder / "openings.csv",
        OPENINGS,
        (
            (o.number, o.team, o.opened_on, o.target_start_on, _day(o.closed_on), o.close_reason)
            for o in (world.hiring.openings if openings else ())
        ),
    )
    _write(folder / "targets.csv", TARGETS, targets)


def settings_for(
    base_url: str,
    folder: Path,
    data_dir: Path | None,
    *,
    world: CompanyWorld,
    token: str = DEFAULT_TOKEN,
) -> dict[str, Any]:
    """The configuration of the demo, as the sections of a `teamgauge.toml`.

    base_url: where the fake is served. folder: where `write_files` wrote. data_dir: of the database.
    """
    database = {} if data_dir is None else {"database": {"data_dir": str(data_dir)}}
    return {
        **database,
        "reporting": {"history_start": world.first_day.isoformat()},
        "gitlab": {
            "url": base_url,
            "token": token,
            "groups": [GROUP],
            "handbook": [{"project": HANDBOOK, "paths": []}],
            "community_label": COMMUNITY_LABEL,
        },
        "files": {
            name: str(folder / file)
            for name, file in (
                ("teams", "teams.yaml"),
                ("people", "people.csv"),
                ("employment", "employment.csv"),
                ("memberships", "memberships.csv"),
                ("plan", "plan.csv"),
                ("openings", "openings.csv"),
                ("targets", "targets.csv"),
            )
        },
    }


def write_config(sections: dict[str, Any], path: Path) -> None:
    """Writes sections as a `teamgauge.toml`."""
    lines: list[str] = []
    for name, section in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_toml(value)}" for key, value in section.items()]
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")


def _toml(value: Any) -> str:
    """A value in TOML's writing."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
