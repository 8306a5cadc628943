"""Who may import whom, as one table, and a few other things about the whole tree that no single test sees."""

import ast
import re
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each layer: the modules in it (the first layer that fits counts) and the layers it may import besides itself.
WORDS, MODELS, PORTS, AWS, PURE, ADAPTERS = "words", "models", "ports", "aws", "pure", "adapters"
USE_CASES, BOOTSTRAP, API, APP = "use cases", "bootstrap", "api", "app"
CLIENT, CLI, LOCAL, DEMO = "client", "cli", "local", "demo"

LAYERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # layer: (modules, may import)
    WORDS: (("errors", "clock", "colors", "formats", "settings", "ids", "log"), ()),
    AWS: (("aws.*",), (WORDS,)),
    MODELS: (("*.model", "health.series", "health.shares", "health.evidence", "health.judgement", "services.definition", "services.parts", "services.patterns", "services.running"), (WORDS,)),
    PORTS: (
        ("ledger.port", "ledger.keys", "ledger.codec", "ledger.index", "traffic.router", "runtimes.runtime", "health.signal", "releases.objects", "releases.images", "config.references", "cutover.switch", "deployments.queues", "hooks.caller"),
        (WORDS, MODELS, PURE),
    ),
    ADAPTERS: (
        (
            *("*.memory", "*.dynamodb", "*.alb", "*.lambda_", "*.s3", "*.ecr", "*.sqs", "*.cloudwatch", "health.cloudwatch_alarms", "config.aws", "cutover.ssm", "config.ssm", "config.secretsmanager"),
            *("ledger.items", "traffic.surroundings", "health.target_health", "health.probe", "hooks.https", "hooks.either", "runtimes.by_kind"),
            *("runtimes.*.runtime", "runtimes.lambda_.attachment", "runtimes.lambda_.provisioned", "runtimes.lambda_.refusals", "runtimes.ecs.cluster", "runtimes.ecs.secrets", "runtimes.ecs.sizes", "runtimes.ecs.survey"),
            *("runtimes.autoscaling.groups", "runtimes.autoscaling.steps", "runtimes.autoscaling.templates"),
        ),
        (WORDS, AWS, MODELS, PORTS, PURE),
    ),
    USE_CASES: (
        (
            *("*.service", "ledger.retrying", "ledger.filtered", "releases.intake", "releases.reconciling", "releases.uploads", "releases.pushes", "releases.sources", "services.footing", "services.owning", "config.pins"),
            *("deployments.observe", "deployments.perform", "deployments.passes", "deployments.prober", "deployments.preflights", "deployments.trial", "deployments.replaying"),
        ),
        (WORDS, MODELS, PORTS, PURE),
    ),
    PURE: (
        (
            *("deployments.*", "releases.*", "services.recording", "config.diff", "audit.chain", "mirroring.*", "health.judge", "health.checks.*", "health.sequential", "health.replay", "health.periods"),
            *("runtimes.*", "traffic.weights", "traffic.addresses", "hooks.answering", "hooks.addresses"),
        ),
        (WORDS, MODELS, PORTS),
    ),
    BOOTSTRAP: (("bootstrap",), (WORDS, AWS, MODELS, PORTS, ADAPTERS, PURE, USE_CASES)),
    API: (("api", "api.*", "events"), (WORDS, MODELS, PORTS, PURE, USE_CASES, BOOTSTRAP)),
    APP: (("app",), (WORDS, MODELS, BOOTSTRAP, API)),
    CLIENT: (("turnout.client", "turnout.problems"), ()),
    CLI: (("turnout.cli.*", "turnout.cli", "turnout.__main__"), (CLIENT, LOCAL)),
    LOCAL: (("turnout.local.*", "turnout.bootstrap_token"), (CLI, API, WORDS, AWS, MODELS, PORTS, ADAPTERS, PURE, USE_CASES, BOOTSTRAP, APP)),
    DEMO: (("turnout.demo.*",), (CLIENT,)),
}

# What only some layers may import from elsewhere. Everyone else may not.
RESERVED: dict[str, tuple[str, ...]] = {
    "boto3": (AWS, ADAPTERS, BOOTSTRAP, LOCAL, CLI, DEMO),
    "botocore": (AWS, ADAPTERS, BOOTSTRAP, LOCAL, CLI, DEMO),
    "pynamodb": (AWS, ADAPTERS, LOCAL),
    "urllib3": (ADAPTERS, BOOTSTRAP, CLIENT, LOCAL, DEMO),
    "chalice": (API, APP, LOCAL),
    "os": (BOOTSTRAP, APP, CLIENT, CLI, LOCAL, DEMO),
    "time": (WORDS, ADAPTERS, CLIENT, CLI, LOCAL, DEMO),
    "random": (ADAPTERS, LOCAL, DEMO),
    "moto": (LOCAL,),
    "aiohttp": (LOCAL, DEMO),
    "click": (CLI,),
    "rich": (CLI, DEMO),
}

# Only `deployments` decides with traffic, runtimes and health in hand; others see their ports and models at most.
STEERED = ("traffic", "runtimes", "health", "mirroring")
SEEN_BY_ALL = ("router", "runtime", "signal", "model", "judgement", "evidence", "series")


@dataclass(frozen=True)
class Module:
    """`name` is as in the table: without `chalicelib.`; `ours` are the modules of this project that it imports, `others` the packages."""

    name: str
    layer: str | None
    ours: frozenset[str]
    others: frozenset[str]


@cache
def modules() -> tuple[Module, ...]:
    files = [ROOT / "app.py", *ROOT.glob("chalicelib/**/*.py"), *ROOT.glob("turnout/**/*.py")]
    return tuple(_module(file) for file in sorted(files) if file.is_file() and _has_code(file))


def _has_code(file: Path) -> bool:
    return any(not isinstance(node, ast.Expr) for node in ast.parse(file.read_text()).body)


def _module(file: Path) -> Module:
    name = _short(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    imported = _imported(ast.parse(file.read_text()))
    ours = frozenset(_short(each) for each in imported if each.split(".")[0] in {"app", "chalicelib", "turnout"})
    return Module(name, layer_of(name), ours, frozenset(each.split(".")[0] for each in imported))


def _imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" if _is_package(f"{node.module}.{alias.name}") else node.module for alias in node.names}
    return found


def _is_package(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


def _short(dotted: str) -> str:
    return dotted.removeprefix("chalicelib.")


@cache
def layer_of(name: str) -> str | None:
    return next((layer for layer, (patterns, _) in LAYERS.items() if any(_fits(name, pattern) for pattern in patterns)), None)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and (name.startswith("turnout.") == pattern.startswith("turnout."))


class TestLayers:
    def test_every_module_has_a_layer(self):
        assert [module.name for module in modules() if module.layer is None] == []

    def test_a_module_imports_only_what_its_layer_may(self):
        wrong = [
            f"{module.name} ({module.layer}) imports {imported} ({layer_of(imported)})"
            for module in modules()
            for imported in sorted(module.ours)
            if module.layer is not None and layer_of(imported) not in {module.layer, *LAYERS[module.layer][1]}
        ]

        assert wrong == []

    def test_what_is_reserved_for_some_layers_stays_there(self):
        wrong = [
            f"{module.name} ({module.layer}) imports {package}"
            for module in modules()
            for package, allowed in RESERVED.items()
            if package in module.others and module.layer not in allowed
        ]

        assert wrong == []

    def test_only_deployments_decides_with_traffic_runtimes_and_health(self):
        wrong = [
            f"{module.name} imports {imported}"
            for module in modules()
            if module.layer in {USE_CASES, PURE, API} and not module.name.startswith(("deployments.", *STEERED))
            for imported in sorted(module.ours)
            if imported.split(".")[0] in STEERED and imported.split(".")[-1] not in SEEN_BY_ALL
        ]

        assert wrong == []

    def test_nothing_the_lambdas_run_imports_what_is_not_packaged(self):
        packaged = [module for module in modules() if not module.name.startswith("turnout")]

        assert [module.name for module in packaged if "turnout" in module.others] == []

    def test_the_cli_knows_nothing_of_the_control_plane(self):
        cli = [module for module in modules() if module.layer in {CLI, CLIENT}]

        assert [module.name for module in cli if "chalicelib" in module.others] == []


def _classes(patterns: tuple[str, ...]) -> list[tuple[str, ast.ClassDef]]:
    files = [file for pattern in patterns for file in sorted(ROOT.glob(pattern))]
    return [(file.parent.name, node) for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]


def _methods(node: ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")}


def _ports() -> list[ast.ClassDef]:
    port_files = tuple(f"chalicelib/{pattern.replace('.', '/')}.py" for pattern in LAYERS[PORTS][0])
    return [node for _, node in _classes(port_files) if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)]


def _in_memory(port: ast.ClassDef) -> list[str]:
    """The classes in `memory.py` files that have all methods of the port."""
    return [node.name for _, node in _classes(("chalicelib/*/memory.py",)) if _methods(port) <= _methods(node)]


class TestPorts:
    def test_every_port_has_an_implementation_in_memory(self):
        assert [port.name for port in _ports() if not _in_memory(port)] == []

    def test_every_port_has_a_contract_suite_that_the_one_in_memory_is_held_to(self):
        suites = "\n".join(file.read_text() for file in ROOT.glob("tests/contract/test_*.py"))

        assert [port.name for port in _ports() if not any(re.search(rf"\b{name}\b", suites) for name in _in_memory(port))] == []


def _texts() -> list[tuple[str, str]]:
    """Every file git knows or would add, as far as it is text."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / line for line in listed.stdout.splitlines()]
    return [(str(file.relative_to(ROOT)), file.read_text(errors="replace")) for file in files if file.is_file() and b"\0" not in file.read_bytes()[:1024]]


class TestTree:
    def test_no_file_names_a_path_of_one_machine(self):
        homes = re.compile(r"(?<![\w.{}-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "opt/" + "pypi")) + r")/\w")

        assert [name for name, text in _texts() if homes.search(text)] == []

    def test_no_lock_file_names_an_index(self):
        locks = [(name, text) for name, text in _texts() if re.search(r"requirements.*\.txt$", name)]

        assert locks
        assert [name for name, text in locks if re.search(r"https?://|file:|--(?:extra-)?index-url|--find-links", text)] == []

    def test_modules_stay_short(self):
        long = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in (*ROOT.glob("chalicelib/**/*.py"), *ROOT.glob("turnout/**/*.py"))}

        assert {name: lines for name, lines in long.items() if lines > 300} == {}

    def test_what_the_lambdas_import_is_what_they_ship(self):
        wanted = {line.split("==")[0].split("[")[0].strip() for line in ROOT.joinpath("requirements.txt").read_text().splitlines() if "==" in line}
        shipped = {name.replace("-", "_") for name in wanted} | {"chalice"}
        standard = set(__import__("sys").stdlib_module_names) | {"app", "chalicelib"}
        wrong = {f"{module.name}: {each}" for module in modules() if not module.name.startswith("turnout") for each in module.others - standard - shipped}

        assert wrong == set()
