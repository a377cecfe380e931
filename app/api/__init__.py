"""The JSON API: one router per noun, answers drawn from `app.metrics.queries`."""

from fastapi import APIRouter

from app.api import data_quality, health, indicators, runs, teams

ROUTERS: tuple[APIRouter, ...] = (
    indicators.router,
    teams.router,
    runs.router,
    data_quality.router,
    health.router,
)
