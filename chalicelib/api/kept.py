"""The JSON of what is kept (releases, rejections, configs, tokens, audit entries), as declarations like those in `shapes.py`; `records.py` fills them."""

from typing import Any

from typing_extensions import TypedDict  # pydantic can only read this one on Python 3.11


class ArtifactShape(TypedDict):
    kind: str
    uri: str
    sha256: str
    size: int
    key: str
    object_version: str | None


class ImageShape(TypedDict):
    kind: str
    uri: str
    digest: str
    size: int
    repository: str
    tag: str


class SchemaRangeShape(TypedDict):
    min: int
    max: int


class ExampleShape(TypedDict):
    path: str
    what: str
    at: str


class ShadowShape(TypedDict):
    """What repeating requests of production to this release on staging, and to what was live, came to."""

    deployment: str
    compared_with: str
    since: str
    last_at: str
    compared: int
    differing: int
    noisy: int
    unanswered: int
    errors: int
    slower: int
    left_out: dict[str, int]
    examples: list[ExampleShape]


class ReleaseShape(TypedDict):
    service: str
    version: str
    artifact: ArtifactShape | ImageShape
    commit: str | None
    published_at: str
    registered_at: str
    registered_by: str
    certified: bool
    certified_with: dict[str, str]
    quarantined: bool
    gates: list[dict[str, Any]]
    metadata: dict[str, str]
    schema_range: SchemaRangeShape | None
    shadow: ShadowShape | None


class RejectionShape(TypedDict):
    id: str
    at: str
    service: str | None
    version: str | None
    source: str
    kind: str
    reason: str


class SsmShape(TypedDict):
    ssm: str
    version: int


class SecretsManagerShape(TypedDict):
    secretsmanager: str
    version: str


Setting = str | SsmShape | SecretsManagerShape


class ConfigShape(TypedDict):
    """A reference is shown as it was pinned, never by what the secret says."""

    config_version: int
    settings: dict[str, Setting]
    created_at: str | None
    created_by: str
    reason: str


class DifferenceShape(TypedDict):
    """`before` is null for what was added, `after` for what was removed."""

    name: str
    before: Setting | None
    after: Setting | None


class ConfigDiffShape(TypedDict):
    config_version: int
    against: int
    added: list[DifferenceShape]
    removed: list[DifferenceShape]
    changed: list[DifferenceShape]


class EntryShape(TypedDict):
    """`hash` is the SHA-256 of all the other fields as they stand here, as JSON in UTF-8 with sorted names, non-ASCII as it is and no spaces."""

    chain: str
    seq: int
    at: str
    actor: str
    action: str
    reason: str
    patch: dict[str, Any]
    previous_hash: str
    hash: str


class TokenShape(TypedDict):
    id: str
    name: str
    role: str
    services: str
    created_at: str
    created_by: str
    expires_at: str


class NewTokenShape(TypedDict):
    id: str
    token: str | None
    name: str
    role: str
    services: str
    created_at: str
    created_by: str
    expires_at: str
