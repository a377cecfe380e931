"""`teamgauge forget`: a pseudonym in place of a person, and what has to be done by hand besides."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import ConfigOption, begin, database
from app.cli.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app.metrics.forget import ForgetReport


def forget(
    context: typer.Context,
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="A person_id, an e-mail address or a GitLab username; @NAME is a username alone.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be changed, and change nothing.")
    ] = False,
    config: ConfigOption = None,
) -> int:
    """Put a pseudonym in place of a person, for good; the numbers stay."""
    settings = begin(context, config)
    from app.metrics.forget import forget as pseudonymise
    from app.store.engine import sessions
    from collectors.files.naming import lines_naming

    with database(settings) as engine, waiting("Forgetting"), sessions(engine)() as session:
        report = pseudonymise(session, settings, person)
        if dry_run:
            session.rollback()
        else:
            session.commit()
    lines = lines_naming(settings, report.subject.person_id, report.subject.words)
    for sentence in sentences(report, lines, dry_run=dry_run):
        typer.echo(f"forget: {sentence}")
    return 0


def sentences(
    report: "ForgetReport", lines: "Mapping[str, Sequence[int]]", *, dry_run: bool
) -> "Iterator[str]":
    """What was done or would be, and what could not be. lines: of the files that name the person."""
    rows = ", ".join(f"{table} {count:,}" for table, count in report.rows.items())
    if dry_run:
        yield "nothing was changed; without --dry-run a pseudonym would take the person's place."
        yield f"rows that would be rewritten: {rows}."
    else:
        yield f"{report.pseudonym} stands for the person from now on."
        yield f"rows rewritten: {rows}."
    for slug, alias in report.teams.items():
        yield (
            f"the team {slug} would get another slug: files that name it have to follow."
            if dry_run
            else f"the team {slug} is {alias} now: change it in the files that name it."
        )
    if report.present:
        yield (
            "the person is employed or in a team as far as is known: let the source say when that"
            " ends before it tells nothing of them any more."
        )
    for file, numbers in lines.items():
        yield f"{file} still names the person: delete or change {_lines(numbers)}; what counts is kept."
    for each in report.unreached:
        shown = ", ".join(each.places)
        more = (
            "" if each.count == len(each.places) else f" and {each.count - len(each.places):,} more"
        )
        yield f"not changed, {each.count:,} {each.what}: {shown}{more}."
    yield (
        "not reached: GitLab and the HR system themselves, backups that were made before, logs, and"
        " what was exported or sent on."
    )


def _lines(numbers: "Sequence[int]") -> str:
    written = ", ".join(map(str, numbers))
    return f"line {written}" if len(numbers) == 1 else f"lines {written}"
