"""The page of the data, and the notes that it and others show when a source is in trouble."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from app.errors import InvalidValueError
from app.metrics.answers import Finding, Freshness
from app.settings import Settings
from app.store.tables import Run
from collectors.bamboohr import errors as bamboohr
from collectors.gitlab import errors as gitlab
from collectors.greenhouse import errors as greenhouse
from dashboards import data, data_findings, data_sources
from dashboards.asked import Asked
from dashboards.notes import notes_of

from .made import NOW, SETTINGS

UTC = ZoneInfo("UTC")
FRESH = Freshness(
    source="gitlab",
    title="GitLab",
    state="fresh",
    data_through=NOW,
    last_started_at=NOW,
    last_finished_at=NOW + timedelta(seconds=238),
    last_outcome="done",
    message="",
    records=48_216,
    feeds=["open_mr_age", "mr_rate", "time_to_merge"],
    command="teamgauge collect gitlab",
    projects=41,
)
STALE = replace(FRESH, state="stale", data_through=NOW - timedelta(days=2, hours=1))


def run(number: int, outcome: str = "done", seconds: float | None = 238) -> Run:
    return Run(
        id=number,
        source="gitlab",
        kind="incremental",
        started_at=NOW,
        finished_at=None if seconds is None else NOW + timedelta(seconds=seconds),
        outcome=outcome,
        message="",
        waited_seconds=0.0,
    )


def test_source_says_which_it_is_its_state_its_last_run_and_what_it_feeds() -> None:
    row = data_sources.source_row(FRESH, SETTINGS, NOW)
    assert (row.mark, row.colour, row.state) == ("on_target", "ok", "Fresh")
    assert row.detail == "gitlab.com, 41 projects"
    assert row.through == "22 Nov 2026, 06:10"
    assert row.last_run == "3 min 58 s, ended 06:13"
    assert row.feeds == "age, rate, times"
    stale = data_sources.source_row(STALE, SETTINGS, NOW)
    assert (stale.mark, stale.state) == ("attention", "Stale, 2 days")
    assert stale.last_run == "3 min 58 s, ended 22 Nov 2026, 06:13"


def test_source_that_was_never_collected_or_is_at_work() -> None:
    never = replace(FRESH, state="never", data_through=None, last_started_at=None)
    row = data_sources.source_row(never, SETTINGS, NOW)
    assert (row.state, row.through, row.last_run) == ("Never collected", "–", "none yet")
    running = replace(FRESH, last_finished_at=None)
    assert data_sources.last_run_of(running, UTC) == "running since 22 Nov 2026, 06:10"


def test_source_whose_last_run_went_wrong_says_how() -> None:
    refused = "Greenhouse at https://auth.example does not accept the client."
    for outcome, message, words in (
        ("failed", refused, "refused, 22 Nov 2026, 06:13"),
        ("failed", "502 five times", "failed, 22 Nov 2026, 06:13"),
        ("partial", "One list.", "part failed, 3 min 58 s, ended 22 Nov 2026, 06:13"),
    ):
        row = replace(STALE, last_outcome=outcome, message=message)
        assert data_sources.last_run_of(row, UTC) == words


def test_every_source_words_a_refusal_so_that_it_is_told_as_one() -> None:
    refusals = (
        bamboohr.about_status(401, "https://hr.test", "employees"),
        greenhouse.about_token(401, "https://auth.test", ""),
        gitlab.about_status(401, "https://git.test", "merge requests", ""),
    )
    for refusal in refusals:
        assert data_sources.REFUSED in refusal.message


def test_files_tell_what_no_other_source_does() -> None:
    paths = {"teams": "/x/teams.yaml", "people": "/x/people.csv", "memberships": "/x/m.csv"}
    more = {"plan": "/x/plan.csv", "openings": "/x/openings.csv"}
    row = replace(FRESH, source="files", feeds=["open_mr_age", "retention"])
    alone = Settings.model_validate({"files": paths | more})
    assert data_sources.detail_of(row, alone) == "teams.yaml, people.csv, m.csv and 2 more"
    assert data_sources.feeds_of(row, alone) == [
        "teams",
        "people",
        "membership",
        "plan",
        "openings",
    ]
    hr = {"bamboohr": {"url": "https://hr.example/acme", "api_key": "k"}}
    beside = Settings.model_validate({"files": paths | more, **hr})
    assert data_sources.feeds_of(row, beside) == ["teams", "plan", "openings"]
    people = replace(row, source="bamboohr")
    assert data_sources.feeds_of(people, beside) == ["membership", "retention"]


def found(**other: object) -> Finding:
    made = Finding(
        kind="end_estimated",
        title="Estimated ends",
        count=1_002,
        effect="7 of them since 2026-10-26.",
        remedy="Nothing.",
        items=[{"address": URL, "text": "", "cells": ["merged", NOW, NOW.date(), 1_234, None]}],
        heads=("Merge request", "State", "Since", "Day", "Notes", "Other"),
    )
    return replace(made, **other)  # type: ignore[arg-type]


URL = "https://gitlab.example/acme/web/-/merge_requests/7"


def test_finding_names_merge_requests_shortly_and_dates_in_words() -> None:
    row = data_findings.finding_row(found(), UTC)
    [item] = row.items
    assert (item.name, item.address) == ("acme/web!7", URL)
    assert [cell.text for cell in item.cells] == [
        "merged",
        "22 Nov 2026, 06:10",
        "22 Nov 2026",
        "1,234",
        "–",
    ]
    assert row.numeric == [False, False, False, False, True, False]
    assert row.effect == "7 of them since 26 Oct 2026."
    assert row.address == "/data?finding=end_estimated"
    assert row.csv == "/api/v1/data-quality?kind=end_estimated&format=csv"
    line = {"address": "tnieminen2", "text": "Wrote 8.", "line": ",Tuula,,t2,"}
    [item] = data_findings.finding_row(found(items=[line]), UTC).items
    assert (item.name, item.address, item.line) == ("tnieminen2", None, ",Tuula,,t2,")


def test_finding_has_pages_of_its_own() -> None:
    items = [{"address": f"a{n}", "text": ""} for n in range(data.ITEMS_PER_PAGE)]

    def page(shown: list[dict[str, str]], **query: str) -> dict[str, object]:
        return data.one_kind(found(count=120, items=shown), [FRESH], SETTINGS, Asked(query=query))

    first = page(items)
    assert (first["range"], first["previous"]) == ("1 to 50 of 120", None)
    assert first["next"] == "/data?finding=end_estimated&page=2"
    last = page(items[:20], page="3")
    assert (last["range"], last["next"]) == ("101 to 120 of 120", None)
    assert last["previous"] == "/data?finding=end_estimated&page=2"
    assert page(items, page="2")["previous"] == "/data?finding=end_estimated"
    with pytest.raises(InvalidValueError, match="there are 3"):
        page(items, page="4")
    none = data.one_kind(found(count=0, items=[]), [FRESH], SETTINGS, Asked())
    assert (none["range"], none["next"]) == ("None", None)


def test_only_what_a_reader_can_mend_at_once_is_listed_among_all_kinds() -> None:
    kinds = [found(), found(kind="unmatched_identity"), found(kind="bot", items=[])]
    shown = data.context([FRESH], kinds, data.RunPage(runs=[], newer=0, all=0), SETTINGS, NOW)
    assert len(list(shown["findings"])) == 3  # type: ignore[call-overload]
    listed = [row.finding.kind for row in shown["listed"]]  # type: ignore[attr-defined]
    assert listed == ["unmatched_identity"]


def test_runs_come_in_pages_both_ways_and_say_which_they_are() -> None:
    def page(first: int, last: int, newer: int) -> dict[str, object]:
        runs = [run(number) for number in range(first, last - 1, -1)]
        return data.context(
            [FRESH], [], data.RunPage(runs=runs, newer=newer, all=50), SETTINGS, NOW
        )

    newest, middle, oldest = page(50, 31, 0), page(30, 11, 20), page(10, 1, 40)
    assert (newest["range"], newest["newer"]) == ("The newest 20 of 50", None)
    assert newest["older"] == "/data?before=31#runs"
    assert middle["range"] == "21 to 40 of 50, newest first"
    assert (middle["newer"], middle["older"]) == ("/data?after=30#runs", "/data?before=11#runs")
    assert (oldest["range"], oldest["older"]) == ("41 to 50 of 50, newest first", None)
    alone = data.RunPage(runs=[run(1)], newer=0, all=1)
    assert data.context([FRESH], [], alone, SETTINGS, NOW)["range"] == "1 run"


def test_every_outcome_has_a_mark_and_waiting_is_noted() -> None:
    outcomes = {
        name: (row.mark, row.outcome, row.took)
        for name in ("done", "partial", "failed", "running")
        for row in [data.run_row(run(1, name, None if name == "running" else 11), UTC)]
    }
    assert outcomes == {
        "done": ("on_target", "All done", "11 s"),
        "partial": ("attention", "Part failed", "11 s"),
        "failed": ("problem", "Failed", "11 s"),
        "running": ("half", "Running", "–"),
    }
    waited = run(1, "partial")
    waited.message, waited.waited_seconds = "One list.", 95.0
    assert data.run_row(waited, UTC).note == "One list. Waited 1 min 35 s for the source."


def test_stale_source_is_noted_with_what_stops_and_the_command() -> None:
    (note,) = notes_of([FRESH, STALE], SETTINGS, NOW)
    assert note.strong == "GitLab is 2 days behind."
    assert (
        note.text == "Open MR Age, Merge request rate and Time to Merge stop at 20 Nov 2026, 05:10."
    )
    assert note.command == "teamgauge collect gitlab"


def test_stale_note_says_why_the_last_run_failed() -> None:
    failed = replace(STALE, last_outcome="failed", message="The token has expired.")
    (note,) = notes_of([failed], SETTINGS, NOW)
    assert note.text.endswith(" The last run failed: The token has expired.")


def test_note_counts_whole_days() -> None:
    day = replace(STALE, data_through=NOW - timedelta(hours=30))
    hours = replace(STALE, data_through=NOW - timedelta(hours=7))
    notes = notes_of([day, hours], SETTINGS, NOW)
    assert [note.strong for note in notes] == ["GitLab is 1 day behind.", "GitLab is hours behind."]


def test_only_the_page_of_the_data_notes_what_does_not_yet_touch_a_number() -> None:
    never = replace(FRESH, state="never", data_through=None)
    failed = replace(FRESH, last_outcome="failed", message="502 five times")
    assert notes_of([FRESH, never, failed], SETTINGS, NOW) == []
    part = replace(FRESH, last_outcome="partial", message="One list\nof two.")
    rows = [FRESH, never, failed, part, STALE]
    shown = data.context(rows, [], data.RunPage(runs=[], newer=0, all=0), SETTINGS, NOW)
    assert [(n.strong, n.text) for n in shown["troubles"]] == [  # type: ignore[attr-defined]
        ("GitLab was never collected.", ""),
        ("GitLab could not be collected.", "The last run failed: 502 five times."),
        ("GitLab could be collected in part only.", "One list of two."),
        (
            "GitLab is 2 days behind.",
            "Open MR Age, Merge request rate and Time to Merge stop at 20 Nov 2026, 05:10.",
        ),
    ]
