"""What a format's documents look like: every field with its type and default, every enum with its values, kept in a file per format.

`changed` is what may not change while the number stays the same, `broken` what may not change from one number to the next.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chalicelib.formats import FORMAT, UNKNOWN
from chalicelib.ledger import items

Schema = dict[str, Any]

FOLDER = Path(__file__).parent / "schemas"
_NOT_STORED = frozenset({UNKNOWN, "written_by"})
_SAYS_NOTHING = frozenset({"title", "description", "default"})
_HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def today() -> Schema:
    adapters = [(kind.__name__, "validation", TypeAdapter(kind)) for kind in items._MODELS]
    _, found = TypeAdapter.json_schemas(adapters)
    return {name: _shape(one) for name, one in sorted(found["$defs"].items())}


def of(format: int) -> Schema:
    return json.loads(path_of(format).read_text())


def path_of(format: int) -> Path:
    return FOLDER / f"format-{format}.json"


def keep() -> None:
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in today().items())
    path_of(FORMAT).write_text(f"{{\n{lines}\n}}\n")


def changed(before: Schema, after: Schema) -> list[str]:
    """What is not just one more field with a default: it takes another number."""
    found = [f"{name} is gone" for name in before.keys() - after.keys()]
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if "values" in old:
            found += [f"{name} has other values: {', '.join(sorted(set(old['values']) ^ set(new['values'])))}"] if old != new else []
            continue
        found += [f"{name}.{field} is gone" for field in old["fields"].keys() - new["fields"].keys()]
        found += [f"{name}.{field} is another type" for field in old["fields"].keys() & new["fields"].keys() if old["fields"][field] != new["fields"][field]]
        found += _needed(name, old, new)
    return sorted(found)


def broken(older: Schema, newer: Schema) -> list[str]:
    """Why neighbours would not read each other. More values may be read than before; they may be written one format later."""
    found = [f"{name} is gone" for name in older.keys() - newer.keys()]
    for name in older.keys() & newer.keys():
        old, new = older[name], newer[name]
        if "values" in old:
            found += [f"{name} lost {value}" for value in sorted(set(old["values"]) - set(new["values"]))]
            continue
        found += [f"{name}.{field} is gone, and format n - 1 needs it" for field in set(old["required"]) - new["fields"].keys()]
        both = old["fields"].keys() & new["fields"].keys()
        found += [f"{name}.{field} no longer reads what was written" for field in both if not _reads(new["fields"][field], old["fields"][field])]
        found += _needed(name, old, new)
    return sorted(found)


def _needed(name: str, old: Schema, new: Schema) -> list[str]:
    return [f"{name}.{field} has no default, and the other one does not write it" for field in set(new["required"]) - set(old["required"])]


def _reads(new: Any, old: Any) -> bool:
    """Whether every value of the old type is one of the new."""
    if "anyOf" in new or "anyOf" in old:
        return all(any(_reads(mine, theirs) for mine in new.get("anyOf", [new])) for theirs in old.get("anyOf", [old]))
    if _listed(old) is not None and _listed(new) is not None:
        return set(map(str, _listed(old) or ())) <= set(map(str, _listed(new) or ()))
    rest = {*_HIGHEST, *_LOWEST}
    alike = {name: value for name, value in new.items() if name not in rest} == {name: value for name, value in old.items() if name not in rest}
    higher = all(new[name] >= old.get(name, new[name] + 1) for name in _HIGHEST if name in new)
    return alike and higher and all(new[name] <= old.get(name, new[name] - 1) for name in _LOWEST if name in new)


def _listed(one: Schema) -> list[Any] | None:
    return [one["const"]] if "const" in one else one.get("enum")


def _shape(one: Schema) -> Schema:
    if "enum" in one:
        return {"values": sorted(one["enum"])}
    fields = {name: _plain(field) for name, field in one.get("properties", {}).items() if name not in _NOT_STORED}
    return {"required": sorted(one.get("required", ())), "fields": fields}


def _plain(field: Any) -> Any:
    """Only what says which values there may be."""
    if isinstance(field, dict):
        return {name: _plain(value) for name, value in field.items() if name not in _SAYS_NOTHING}
    return [_plain(value) for value in field] if isinstance(field, list) else field
