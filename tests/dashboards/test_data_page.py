"""The page of the data, and the notes that it and others show when a source is in trouble."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from app.metrics.answers import Finding, Freshness
from app.store.tables import Run
from dashboards import data
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
    feeds=["open_mr_age", "mr_rate"],
    command="teamgauge collect gitlab",
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
    )


def test_source_says_its_state_its_last_run_and_what_it_feeds() -> None:
    row = data.source_row(FRESH, UTC)
    assert (row.mark, row.colour, row.state) == ("on_target", "ok", "Fresh")
    assert row.through == "22 Nov 2026, 06:10"
    assert row.last_run == "3 min 58 s, all done, ended 22 Nov 2026, 06:13"
    assert row.feeds == "Open MR age, MR rate"


def test_source_that_was_never_collected_or_is_at_work() -> None:
    never = replace(FRESH, state="never", data_through=None, last_started_at=None)
    row = data.source_row(never, UTC)
    assert (row.state, row.through, row.last_run) == ("Never collected", "–", "none yet")
    running = replace(FRESH, last_finished_at=None)
    assert data.source_row(running, UTC).last_run == "running since 22 Nov 2026, 06:10"


def test_finding_names_merge_requests_shortly_and_dates_in_words() -> None:
    url = "https://gitlab.example/acme/web/-/merge_requests/7"
    finding = Finding(
        kind="end_estimated",
        title="Estimated ends",
        count=1_002,
        effect="The last update is used.",
        remedy="Nothing.",
        items=[
            {"address": url, "text": "Is merged, probably since 2026-10-26T00:00:00+00:00."},
            {"address": "tnieminen2", "text": "Wrote 8.", "line": ",Tuula,,t2,"},
        ],
    )
    row = data.finding_row(finding, UTC)
    first, second = row.items
    assert (first.name, first.address) == ("acme/web!7", url)
    assert first.text == "Is merged, probably since 26 Oct 2026, 00:00."
    assert (second.name, second.address, second.line) == ("tnieminen2", None, ",Tuula,,t2,")
    assert row.more == 1_000


def test_runs_come_in_pages_and_every_outcome_has_a_mark() -> None:
    runs = [run(number) for number in range(50, 29, -1)]
    shown = data.context([FRESH], [], runs, SETTINGS, NOW, first_page=True)
    assert len(list(shown["runs"])) == data.RUNS_PER_PAGE == 20  # type: ignore[call-overload]
    assert shown["older"] == "/data?before=31#runs"
    assert shown["newest"] is None
    last = data.context([FRESH], [], runs[:3], SETTINGS, NOW, first_page=False)
    assert last["older"] is None
    assert last["newest"] == "/data#runs"
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


def test_stale_source_is_noted_with_what_stops_and_the_command() -> None:
    (note,) = notes_of([FRESH, STALE], SETTINGS, NOW)
    assert note.strong == "GitLab is 2 days behind."
    assert note.text == "Open MR Age and Merge request rate stop at 20 Nov 2026, 05:10."
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
    shown = data.context([FRESH, never, failed, STALE], [], [], SETTINGS, NOW, first_page=True)
    assert [(n.strong, n.text) for n in shown["troubles"]] == [  # type: ignore[attr-defined]
        ("GitLab was never collected.", ""),
        ("GitLab could not be collected.", "The last run failed: 502 five times."),
        (
            "GitLab is 2 days behind.",
            "Open MR Age and Merge request rate stop at 20 Nov 2026, 05:10.",
        ),
    ]
