"""What a rollback may need is never thrown away: neither by us nor by a rule of the bucket."""

from typing import Any

import yaml

from tests.infra.conftest import ROOT

EXPIRES = {"ExpirationDate", "ExpirationInDays", "ExpiredObjectDeleteMarker", "NoncurrentVersionExpiration", "NoncurrentVersionExpirationInDays"}


def bucket() -> Any:
    return yaml.safe_load(ROOT.joinpath("infra/control-plane.yaml").read_text())["Resources"]["ArtifactBucket"]["Properties"]


def test_no_lifecycle_rule_expires_an_object_version_that_the_ledger_may_name():
    rules = bucket()["LifecycleConfiguration"]["Rules"]

    assert rules
    assert [rule["Id"] for rule in rules if EXPIRES & set(rule) or any("Transition" in name for name in rule)] == []


def test_the_bucket_keeps_every_version():
    assert bucket()["VersioningConfiguration"] == {"Status": "Enabled"}
