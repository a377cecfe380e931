"""The JSON API: one router per noun, answers drawn from `app.metrics.queries`."""

from fastapi import APIRouter

from app.api import data_quality, health, indicators, restatements, runs, teams, webhooks

ROUTERS: tuple[APIRouter, ...] = (
    indicators.router,
    teams.router,
    restatements.router,
    runs.router,
    data_quality.router,
    health.router,
    webhooks.router,
)
