"""The package, made once for all tests that look into it."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Package:
    folder: Path
    unpacked: Path
    template: dict[str, Any]

    def functions(self) -> dict[str, dict[str, Any]]:
        return {name: one["Properties"] for name, one in self.template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}

    def environment(self, function: str) -> dict[str, str]:
        """The function's variables, with a name standing for each reference."""
        variables = self.functions()[function]["Environment"]["Variables"]
        return {name: value if isinstance(value, str) else f"the-{value['Ref']}" for name, value in variables.items()}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    done = subprocess.run((sys.executable, "infra/package.py", str(folder)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    unpacked = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(folder / "deployment.zip").extractall(unpacked)
    return Package(folder, unpacked, json.loads((folder / "sam.json").read_text()))
