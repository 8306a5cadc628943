"""Loads the production control plane into this process. The environment must be prepared before."""

import importlib.util
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
TOKEN_LASTS = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`app` is the module with the Chalice app and its event handlers, `token` the first administrator's."""

    app: Any
    token: str


def load() -> Loaded:
    """Everything is imported here and not before, for it reads the environment."""
    if str(PROJECT) not in sys.path:
        sys.path.append(str(PROJECT))
    return Loaded(_app(), _first_token())


def table_definition(name: str) -> dict[str, Any]:
    from chalicelib.ledger import items

    return items.table_definition(name)


def _app() -> Any:
    """Ours, by its place: the directory one works in may well have an `app.py` of its own."""
    spec = importlib.util.spec_from_file_location("app", PROJECT / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no app.py in {PROJECT}")
    sys.modules["app"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _first_token() -> str:
    from chalicelib import bootstrap
    from chalicelib.access.model import SYSTEM, Role

    _, token = bootstrap.control_plane().tokens.create(name="local", role=Role.ADMIN, services="*", lasting=TOKEN_LASTS, by=SYSTEM)
    return token
