"""The JSON API: one router per noun, answers drawn from `app.metrics.queries`; and what a service
answers besides.
"""

from fastapi import APIRouter

from app.api import (
    audit,
    data_quality,
    exposition,
    health,
    indicators,
    restatements,
    runs,
    sign_in,
    teams,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    indicators.router,
    teams.router,
    restatements.router,
    runs.router,
    data_quality.router,
    audit.router,
)
"""What `app.auth.rules` says who may see."""

OWN_RULES: tuple[APIRouter, ...] = (
    health.router,
    exposition.router,
    webhooks.router,
    sign_in.router,
)
"""What answers to strangers, or has a way of its own to know who asks."""
