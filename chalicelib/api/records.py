"""How what is kept looks from outside: releases, rejections, configs, tokens and audit entries."""

from chalicelib.access.model import Token
from chalicelib.api import kept
from chalicelib.api.views import maybe_moment, moment
from chalicelib.audit.chain import Entry
from chalicelib.config.diff import Difference, Value
from chalicelib.config.model import ConfigVersion, Store
from chalicelib.mirroring.model import Comparison
from chalicelib.releases.model import Artifact, ImageArtifact, Rejection, Release, S3Artifact
from chalicelib.services.model import Service


def release(one: Release, owner: Service, compared: Comparison | None = None) -> kept.ReleaseShape:
    """`certified` with any config, `quarantined` with any: the pairs are in `certified_with` and in the service's `quarantined`.

    `shadow` is told where one release is asked for, not in a list of them.
    """
    return {
        "service": one.service,
        "version": one.version,
        "artifact": _artifact(one.artifact),
        "commit": one.commit,
        "published_at": moment(one.published_at),
        "registered_at": moment(one.registered_at),
        "registered_by": one.registered_by,
        "certified": bool(one.certified),
        "certified_with": {config: moment(at) for config, at in one.certified.items()},
        "quarantined": any(bad.digest == one.digest for bad in owner.quarantined),
        "gates": [],
        "metadata": one.metadata,
        "schema_range": {"min": one.schema_range.min, "max": one.schema_range.max} if one.schema_range else None,
        "shadow": _shadow(compared) if compared else None,
    }


def _shadow(one: Comparison) -> kept.ShadowShape:
    return {
        "deployment": one.deployment, "compared_with": one.live_version, "since": moment(one.since), "last_at": moment(one.last_at),
        "compared": one.compared, "differing": one.differing, "noisy": one.noisy, "unanswered": one.unanswered, "errors": one.errors,
        "slower": one.slower, "left_out": one.left_out, "examples": [{"path": each.path, "what": each.what, "at": moment(each.at)} for each in one.examples],
    }


def _artifact(one: Artifact) -> kept.ArtifactShape | kept.ImageShape:
    match one:
        case S3Artifact():
            return {"kind": "s3", "uri": one.uri, "sha256": one.sha256, "size": one.size, "key": one.key, "object_version": one.object_version}
        case ImageArtifact():
            return {"kind": "ecr", "uri": one.uri, "digest": one.digest, "size": one.size, "repository": one.repository, "tag": one.tag}


def rejection(one: Rejection) -> kept.RejectionShape:
    return {
        "id": one.id, "at": moment(one.at), "service": one.service, "version": one.version,
        "source": one.source, "kind": one.kind, "reason": one.reason,
    }


def config(one: ConfigVersion) -> kept.ConfigShape:
    return {
        "config_version": one.number, "settings": {name: setting(value) for name, value in sorted(one.values.items())},
        "created_at": maybe_moment(one.created_at), "created_by": one.created_by, "reason": one.reason,
    }


def config_diff(number: int, against: int, found: tuple[Difference, ...]) -> kept.ConfigDiffShape:
    return {
        "config_version": number,
        "against": against,
        "added": [_difference(one) for one in found if one.before is None],
        "removed": [_difference(one) for one in found if one.after is None],
        "changed": [_difference(one) for one in found if one.before is not None and one.after is not None],
    }


def setting(value: Value) -> kept.Setting:
    if isinstance(value, str):
        return value
    if value.store is Store.SSM:
        return {"ssm": value.name, "version": int(value.version)}
    return {"secretsmanager": value.name, "version": value.version}


def _difference(one: Difference) -> kept.DifferenceShape:
    before = None if one.before is None else setting(one.before)
    return {"name": one.name, "before": before, "after": None if one.after is None else setting(one.after)}


def entry(one: Entry) -> kept.EntryShape:
    return {
        "chain": one.chain, "seq": one.seq, "at": moment(one.at), "actor": one.actor, "action": one.action,
        "reason": one.reason, "patch": one.patch, "previous_hash": one.previous_hash, "hash": one.hash,
    }


def token(one: Token) -> kept.TokenShape:
    return {
        "id": one.id, "name": one.name, "role": one.role.value, "services": one.services,
        "created_at": moment(one.created_at), "created_by": one.created_by, "expires_at": moment(one.expires_at),
    }


def new_token(one: Token, text: str | None) -> kept.NewTokenShape:
    """The only place where a token's text is ever shown."""
    return {
        "id": one.id, "token": text, "name": one.name, "role": one.role.value, "services": one.services,
        "created_at": moment(one.created_at), "created_by": one.created_by, "expires_at": moment(one.expires_at),
    }
