"""The benchmarks run: small, against the tests' Postgres, with the one peer that is installed anyway."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from benchmarks._contenders import Other, scene
from benchmarks._document import made_by, write
from benchmarks._losses import losses_of, losses_table
from benchmarks._peers import PEERS
from benchmarks.collect import Row, Setting, measure, speed_table

PYTHON_GITLAB = replace(PEERS[1], name="python-gitlab, 8 threads, as installed")


def test_a_collection_beside_a_peer(engine: Engine) -> None:
    with scene(120, lambda: nullcontext(engine)) as (served, ours):
        summary = served.ask("summary")
        peer = Other(served, PYTHON_GITLAB, Path(sys.executable), None)
        row = measure(served, peer, 120, Setting(0.0))
        assert row.first.merge_requests == summary.merge_requests - summary.archived
        assert 0 < row.unchanged.requests < row.changed.requests < row.first.requests
        assert row.first.peak_mb > 10
        # Its newest is one alone: the list, the notes and the reviewers, nothing else is read again.
        assert row.unchanged.requests == 3
        assert (
            speed_table([row]).splitlines()[2].startswith(f"| {peer.name} | {row.first.requests} |")
        )
        losses = losses_of(served, ours)
        assert (losses.merge_requests, losses.notes, losses.differing) == (0, 0, 0)
        assert losses.deleted
        assert losses.joined
        assert losses_table([losses]).splitlines()[2].startswith("| teamgauge | 0 | 0 | 0 |")
        assert ours.comments() == served.ask("comments")


def test_a_peer_that_takes_too_long_is_scaled_up(engine: Engine) -> None:
    with scene(300, lambda: nullcontext(engine)) as (served, _):
        summary = served.ask("summary")
        peer = Other(served, PYTHON_GITLAB, Path(sys.executable), patience=0.0)
        told = peer.run()
        assert not told.whole
        assert told.merge_requests == summary.merge_requests - summary.archived
        assert told.requests == pytest.approx(2.03 * told.merge_requests, rel=0.02)
        assert len(peer.comments()) < told.merge_requests
        again = Other(served, PYTHON_GITLAB, Path(sys.executable), patience=0.0).run(needs=650)
        assert (again.whole, again.counted, again.requests) == (False, True, 650)
        assert again.seconds > told.seconds * 0.1
        row = Row(peer.name, told, again, again)
        assert speed_table([row]).splitlines()[2].count("| 650 | ~") == 2


def test_what_made_a_table_is_told() -> None:
    assert made_by("load", ["--seconds=6"]) == "Made by `python -m benchmarks.load --seconds=6`."


def test_parts_are_put_between_their_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n", encoding="utf-8")
    write({"x": "new"}, document)
    assert document.read_text() == "a\n<!-- begin: x -->\n\nnew\n\n<!-- end: x -->\nb\n"
    with pytest.raises(ValueError, match="no place for y"):
        write({"y": ""}, document)


def test_the_document_has_a_place_for_every_part() -> None:
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
    for part in ("machine", "promises", "speed", "losses", "growth", "memory"):
        assert text.count(f"<!-- begin: {part} -->") == text.count(f"<!-- end: {part} -->") == 1
