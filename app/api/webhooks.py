"""`/webhooks/gitlab`: GitLab says what has changed, and that is read next.

What comes here is a hint and never a fact: nothing of it is stored but where to look. An event that is
lost, late or made up changes at most what is asked for next.
"""

import hmac
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api.request import Configured
from app.errors import InvalidValueError
from app.settings import Settings, webhook_secret
from app.store import queue

router = APIRouter(prefix="/webhooks", tags=["webhooks"], include_in_schema=False)

LARGEST = 2 * 1024 * 1024
"""Bytes of an event that are read. A larger one is refused: the next run finds what it tells of."""

GATHERED = 10.0
"""Seconds in which events are gathered before they are read together."""

SOURCE = "gitlab"

_OBJECT = TypeAdapter(dict[str, Any])


class _Project(BaseModel):
    id: int


class _MergeRequest(BaseModel):
    iid: int


class _MergeRequestEvent(BaseModel):
    """A merge request was made or changed. project: the one that it is to be merged into."""

    project: _Project
    object_attributes: _MergeRequest


class _NoteEvent(BaseModel):
    """Somebody wrote a note. merge_request: absent where it is about something else."""

    project: _Project
    merge_request: _MergeRequest | None = None


class _ProjectEvent(BaseModel):
    """A project was made, renamed, moved or deleted, which a whole run has to look at."""

    path_with_namespace: str
    old_path_with_namespace: str = ""


async def _event(request: Request, settings: Configured) -> dict[str, Any]:
    """The body of an event that GitLab signed with our secret, as JSON.

    404 where no secret is configured, 401 for another one, 413 for a body that is too large.
    """
    secret = webhook_secret(settings)
    if not secret:
        raise HTTPException(404)
    given = request.headers.get("x-gitlab-token", "")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise HTTPException(
            401,
            "X-Gitlab-Token is not gitlab.webhook_secret.",
            headers={"WWW-Authenticate": "X-Gitlab-Token"},
        )
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(413, "The event is too large; the next run reads what it tells of.")
    try:
        return _OBJECT.validate_json(bytes(body))
    except ValidationError as error:
        raise InvalidValueError("The event is no JSON object.", "body") from error


@router.post("/gitlab")
async def gitlab(
    request: Request, settings: Configured, event: Annotated[dict[str, Any], Depends(_event)]
) -> Response:
    """Notes what to read next, and has a worker read it. Events about anything else are passed over."""

    def note() -> None:
        with request.app.state.writing.begin() as session:
            _note(session, settings, event)

    await run_in_threadpool(note)
    return Response(status_code=204)


def _note(session: Session, settings: Settings, event: dict[str, Any]) -> None:
    try:
        if event.get("object_kind") == "merge_request":
            changed = _MergeRequestEvent.model_validate(event)
            _mark(session, changed.project.id, changed.object_attributes.iid)
        elif event.get("object_kind") == "note":
            written = _NoteEvent.model_validate(event)
            if written.merge_request is not None:
                _mark(session, written.project.id, written.merge_request.iid)
        elif str(event.get("event_name", "")).startswith("project_"):
            moved = _ProjectEvent.model_validate(event)
            if _is_collected(settings, moved):
                queue.enqueue_run(session, SOURCE, full=False)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidValueError(f"The event does not say its {field}.", field) from error


def _mark(session: Session, project_id: int, iid: int) -> None:
    """Marks a merge request of a project that is collected, and has a worker read what is marked."""
    marked = session.execute(
        text(
            """
            INSERT INTO marks AS m (source, project_id, iid, seen_at)
            SELECT :source, id, :iid, :now FROM projects WHERE id = :project_id
            ON CONFLICT (source, project_id, iid) DO UPDATE SET
                seen_at = greatest(m.seen_at, excluded.seen_at)
            RETURNING 1
            """
        ),
        {"source": SOURCE, "project_id": project_id, "iid": iid, "now": datetime.now(UTC)},
    )
    if marked.scalar() is not None:
        queue.enqueue(
            session,
            queue.READ_MARKED,
            [{"source": SOURCE}],
            alone=f"collect {SOURCE}",
            waiting_once=f"marked {SOURCE}",
            after=GATHERED,
        )


def _is_collected(settings: Settings, event: _ProjectEvent) -> bool:
    """Whether a project is, or was, in a group or among the projects of the configuration."""
    paths = [path.lower() for path in (event.path_with_namespace, event.old_path_with_namespace)]
    gitlab = settings.gitlab
    single = [*gitlab.projects, *(each.project for each in gitlab.handbook)]
    return any(
        path in (each.lower() for each in single)
        or any(path.startswith(f"{group.lower()}/") for group in gitlab.groups)
        for path in paths
    )
