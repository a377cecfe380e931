"""`/healthz` and `/readyz`: alive, and able to answer."""

from fastapi import APIRouter, Request, Response

from app.api.listing import respond
from app.api.problems import PROBLEMS
from app.api.readiness import Readiness
from app.api.shapes.operation import HealthAnswer, HealthWarning, ReadyAnswer

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=HealthAnswer, responses={422: PROBLEMS[422]})
def healthz() -> Response:
    """The process is alive; the database is not asked."""
    return respond(HealthAnswer(status="ok"))


@router.get(
    "/readyz",
    response_model=ReadyAnswer | HealthAnswer,
    responses={status: PROBLEMS[status] for status in (422, 503)},
)
def readyz(request: Request) -> Response:
    """The database answers, is migrated and takes changes, and this server is not about to end;
    otherwise 503 with the `reason`. `warnings` is there where something is wrong all the same."""
    readiness: Readiness = request.app.state.readiness
    warnings = readiness.require()
    if not warnings:
        return respond(HealthAnswer(status="ok"))
    told = [HealthWarning(reason=reason, detail=detail) for reason, detail in warnings.items()]
    return respond(ReadyAnswer(status="ok", warnings=told))
