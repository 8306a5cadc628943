"""A stage as JSON and back: the ledger as it is stored, and what a rollout needs of the world around it.

Runs in older trees as well (see `halfway.py`).
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.audit.chain import Entry, replayed
from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.health.memory import MemoryTargetHealth
from chalicelib.ledger import codec, items, keys
from chalicelib.ledger.items import DocumentItem
from chalicelib.ledger.memory import MemoryLedger, _Kept
from chalicelib.ledger.port import Due, Ledger
from chalicelib.releases.memory import _Kept as _Object
from chalicelib.runtimes.runtime import Progress, Standing
from tests.faults.stage import Stage
from tests.world import Balancer, a_definition

Record = dict[str, Any]
Item = dict[str, Any]

KINDS = {DocumentItem.kind.get_discriminator(model): kind for kind, model in items._MODELS.items()}
_UNREAD = frozenset({"event", "once"})
"""Kinds that nothing which finishes a rollout reads: left out, to keep the files small."""
_RULES = ("production_rule", "staging_rule")


def record_of(stage: Stage) -> Record:
    """`items` are what DynamoDB holds, in its own JSON, but for `body`, which is shown as what it is."""
    kept = stage.ledger._kept
    written = [items.item_of(codec.load(one.kind, one.values)).serialize() for _, one in sorted(kept.items())]
    return {"now": stage.clock.now().isoformat(), "outside": _outside(stage), "items": [_shown(item) for item in written if item["kind"]["S"] not in _UNREAD]}


def stored(record: Record) -> list[Item]:
    """The items as they lie in the table."""
    return [item | {"body": {"S": json.dumps(item["body"], separators=(",", ":"), ensure_ascii=False)}} for item in record["items"]]


def in_memory(record: Record) -> MemoryLedger:
    return MemoryLedger({(item["pk"]["S"], item["sk"]["S"]): _kept(item) for item in stored(record)})


def staged(record: Record, keeping: Callable[[], Ledger] | None = None) -> Stage:
    """A stage where this record was made, in a ledger that has its items."""
    stage = Stage(keeping=keeping or (lambda: in_memory(record)))
    stage.clock.move(datetime.fromisoformat(record["now"]) - stage.clock.now())
    _put_outside(stage, record["outside"])
    _told(stage, record)
    return stage


def _shown(item: Item) -> Item:
    return item | {"body": json.loads(item["body"]["S"])}


def _kept(item: Item) -> _Kept:
    def said(name: str, kind: str = "S") -> Any:
        return item.get(name, {}).get(kind)

    def number(name: str) -> int | None:
        return int(value) if (value := said(name, "N")) is not None else None

    listed = (said("listing"), said("listed_at")) if said("listing") else None
    due = Due(said("service"), datetime.fromisoformat(said("due_at")), probed=bool(said("probed", "BOOL"))) if said("due_at") else None
    return _Kept(KINDS[said("kind")], said("body"), number("revision"), number("epoch"), said("write_id") or "", listed, due)


def _outside(stage: Stage) -> Record:
    traffic = a_definition().traffic
    rules = {getattr(traffic, rule): stage.router.served(getattr(traffic, rule)) for rule in _RULES}
    standing = {place: one for place, one in stage.runtime._standing.items() if one.version}
    return {
        "rules": {rule: dict(forward.weight_by_group) for rule, forward in rules.items()},
        "standing": [[function, color.value, one.version, one.digest, one.config_version] for (function, color), one in standing.items()],
        "targets": {group: [version, since.isoformat()] for group, (version, since) in stage.targets._standing.items()},
        "objects": [[one.bucket, one.key, one.object_version, one.at.isoformat(), base64.b64encode(one.content).decode()] for one in stage.objects._kept],
        "sick": sorted(stage.sick),
        "parameters": dict(stage.switch.texts) if hasattr(stage, "switch") else {},
        "empty_since": {color.value: since.isoformat() for color, since in stage.witness.empty_since.items()},
    }


def _put_outside(stage: Stage, outside: Record) -> None:
    traffic = a_definition().traffic
    stage.router.attach(traffic, Balancer(health_delay_seconds=2))
    for rule, weights in outside["rules"].items():
        stage.router.meddle(rule, weights)
    for function, color, *what in outside["standing"]:
        stage.runtime.meddle(function, Color(color), Standing(Progress.READY, *what))
        stage.runtime._owners[function, Color(color)] = function
        stage.runtime.settings[function, Color(color)] = {}
    _put_targets(stage.targets, outside["targets"])
    for bucket, key, version, at, content in outside["objects"]:
        stage.objects._kept.append(_Object(bucket, key, version, datetime.fromisoformat(at), base64.b64decode(content), {}))
    stage.sick.update(outside["sick"])
    if outside["parameters"] and hasattr(stage, "switch"):
        stage.switch.texts.update(outside["parameters"])
    stage.witness.empty_since = {Color(color): datetime.fromisoformat(since) for color, since in outside["empty_since"].items()}


def _put_targets(targets: MemoryTargetHealth, standing: dict[str, list[str]]) -> None:
    for group, (version, since) in standing.items():
        targets._standing[group] = version, datetime.fromisoformat(since)


def _told(stage: Stage, record: Record) -> None:
    """The witness is told what happened before: the chain, and what was verified."""
    found = [(KINDS[item["kind"]["S"]], item["body"]) for item in record["items"]]
    entries = sorted((codec.load(Entry, body) for kind, body in found if kind is Entry and body["chain"] == "service/web"), key=lambda entry: entry.seq)
    stage.witness.head, stage.witness.documents = entries[-1], replayed(entries)
    passed = {Phase.STAGED, Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING, Phase.NEEDS_HUMAN, Phase.COMPLETED, Phase.REVERTED}
    if hasattr(stage.witness, "application") and (read_only := stage.service().read_only):
        stage.witness.application.recorded(None, stage.service())
        stage.witness.application.hears(read_only.until, stage.clock.now())
    stage.witness.verified |= {one.build for one in stage.deployments() if one.phase in passed or one.moved}


def told_by(stage: Stage) -> tuple[Record, Record]:
    """What the service's chain replays to, and what is there."""
    service = stage.service()
    entries = [stage.ledger.find(keys.entry("service/web", seq)) for seq in range(1, service.chain.seq + 1)]
    state = {name: value for name, value in codec.told(service).items() if name not in {"revision", "chain", "write_id"}}
    return replayed(entry for entry in entries if entry)["service"], state
