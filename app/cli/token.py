"""`teamgauge token`: tokens of scripts, made, listed and revoked by who runs the program."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import ConfigOption, begin, database
from app.store.roles import DatabaseRole

if TYPE_CHECKING:
    from app.auth.access import Access
    from app.settings import Settings


class TokenRole(StrEnum):
    """What a token may be."""

    VIEWER = "viewer"
    MANAGER = "manager"
    DIRECTOR = "director"
    ADMIN = "admin"


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    role: Annotated[
        TokenRole,
        typer.Option("--role", metavar="ROLE", help="viewer, manager, director or admin."),
    ],
    team: Annotated[
        list[str] | None,
        typer.Option(
            "--team", metavar="TEAM", help="Slug of a team of a manager or director; repeatable."
        ),
    ] = None,
    days: Annotated[
        int,
        typer.Option("--days", metavar="N", min=0, max=366, help="Days after today that it works."),
    ] = 90,
    config: ConfigOption = None,
) -> int:
    """Make a token for a script, and print it once."""
    settings = begin(context, config)
    from app.auth import granting
    from app.metrics.calendar import local_day
    from app.store.engine import sessions

    now = datetime.now(UTC)
    wanted = granting.Wanted(
        name=name,
        role=role.value,
        teams=team or [],
        last_day=local_day(now, settings.reporting.zone) + timedelta(days=days),
    )
    with database(settings, role=DatabaseRole.WEB) as engine, sessions(engine).begin() as session:
        token_id, token = granting.grant(session, settings, _operator(), wanted, now)
    _say(
        f"token {token_id}: {role.value}, works until the end of {wanted.last_day}. Only now shown:"
    )
    typer.echo(token)
    _say_if_useless(settings)
    return 0


def list_(context: typer.Context, config: ConfigOption = None) -> int:
    """List the tokens that work, and those that ended within 30 days."""
    settings = begin(context, config)
    from app.auth import tokens
    from app.store.engine import sessions

    now = datetime.now(UTC)
    with database(settings, role=DatabaseRole.WEB) as engine, sessions(engine)() as session:
        found = tokens.listed(session, now)
    for each in found:
        state = "works"
        if each.revoked_at is not None:
            state = "revoked"
        elif each.expires_at <= now:
            state = "over"
        used = f"{each.last_used_at:%Y-%m-%d %H:%M} UTC" if each.last_used_at else "never"
        of = f" of {', '.join(each.teams)}" if each.teams else ""
        typer.echo(
            f"{each.id}: {each.name}, {state}, {each.role}{of}, made by {each.created_by_name}, "
            f"until {each.expires_at:%Y-%m-%d %H:%M} UTC, last used {used}"
        )
    if not found:
        typer.echo("There are no tokens.")
    return 0


def revoke(
    context: typer.Context,
    token_id: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="As `token list` tells it.")
    ],
    config: ConfigOption = None,
) -> int:
    """Revoke a token: it is worth nothing from now on."""
    settings = begin(context, config)
    from app.auth import granting
    from app.store.engine import sessions

    with database(settings, role=DatabaseRole.WEB) as engine, sessions(engine).begin() as session:
        name = granting.withdraw(session, _operator(), token_id, datetime.now(UTC))
    typer.echo(f"token {token_id}: {name}, revoked.")
    return 0


def _operator() -> "Access":
    """Who runs the program may give away everything."""
    from app.auth.access import Access, Caller

    return Access(caller=Caller("program:command line", "command line"), everything=True)


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _say_if_useless(settings: "Settings") -> None:
    if settings.auth.mode == "none":
        _say('Nobody signs in here (auth.mode is "none"): until somebody has to, it is of no use.')
