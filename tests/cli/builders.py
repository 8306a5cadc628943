"""Answers of the API with good defaults."""

from typing import Any


def a_deployment(**changes: Any) -> dict[str, Any]:
    return {
        "id": "d-000012", "service": "web", "kind": "rollout", "version": "1.4.2", "config_version": 3, "color": "green", "phase": "shifting", "step": 1,
        "steps": 3, "reason": "", "outcome": "", "started_at": "2026-11-23T11:59:00.000000Z", "ended_at": None, **changes,
    }  # fmt: skip


def a_service(**changes: Any) -> dict[str, Any]:
    return {
        "name": "web", "runtime": {"kind": "lambda"}, "production_url": "http://127.0.0.1:9001", "staging_url": "http://127.0.0.1:9002",
        "live": {"color": "blue", "version": "1.4.1", "config_version": 3}, "candidate": {"color": "green", "version": "1.4.2", "config_version": 3},
        "previous": None,
        "weights": {"desired": {"blue": 90.0, "green": 10.0}, "observed": {"blue": 90.0, "green": 10.0}, "observed_at": "2026-11-23T11:59:58.000000Z"},
        "deployment": a_deployment(), "verdict": {"outcome": "inconclusive", "reason": "41 of 100 requests seen"},
        "paused": False, "read_only": False, "drifted": False, "definition": {"name": "web", "runtime": {"kind": "lambda", "function": "web"}}, **changes,
    }  # fmt: skip


def live_on_green(**changes: Any) -> dict[str, Any]:
    """All traffic was seen on the candidate."""
    return a_service(
        live={"color": "green", "version": "1.4.2", "config_version": 3}, candidate=None,
        weights={"desired": {"blue": 0.0, "green": 100.0}, "observed": {"blue": 0.0, "green": 100.0}, "observed_at": "2026-11-23T12:00:00.000000Z"},
        deployment=a_deployment(phase="watching", step=3), **changes,
    )  # fmt: skip


def an_event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"e-{number}", "at": f"2026-11-23T12:00:{number:02d}.000000Z", "kind": "deployment.weight_set", "phase": "shifting", "step": 1,
        "actor": "turnout", "message": f"what happened {number}", "data": {}, **changes,
    }  # fmt: skip


def a_list(*items: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "cursor": cursor}
