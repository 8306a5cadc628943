"""`make package` and `make deploy` take a stage: what they would run, without running it."""

import os
import subprocess
import sys
from typing import Any

from tests.infra.conftest import ROOT


def make(*arguments: str) -> Any:
    # As if installed: these tests are about what comes after. Nothing of a make that these tests may be run by.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(("make", "-o", ".venv/.installed", *arguments), cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_a_stage_is_a_stack_of_its_own():
    ran = make("-n", "deploy", "STAGE=dev", "BUCKET=zips", "PARAMETERS=AlertEmail=team@example.com")

    assert ran.returncode == 0
    assert "infra/package.py build/package dev" in ran.stdout
    assert "--stack-name turnout-dev" in ran.stdout
    assert "--parameter-overrides AlertEmail=team@example.com" in ran.stdout


def test_a_template_of_this_size_goes_by_the_bucket():
    """CloudFormation takes 51,200 bytes directly; the control plane's template has more."""
    [deploying] = [line for line in make("-n", "deploy", "BUCKET=zips").stdout.splitlines() if line.startswith("aws cloudformation deploy")]

    assert "--s3-bucket zips" in deploying


def test_a_bucket_is_asked_for_before_anything_is_made():
    ran = make("deploy", "STAGE=dev", "BUCKET=")

    assert ran.returncode != 0
    assert "BUCKET=" in ran.stderr
    assert "package.py" not in ran.stdout


def test_what_can_be_no_stage_is_refused():
    ran = subprocess.run((sys.executable, "infra/package.py", "build/never", "Pro d"), cwd=ROOT, capture_output=True, text=True, check=False)

    assert "can be no stage" in ran.stderr
    assert not ROOT.joinpath("build/never").exists()
