"""Which actions of IAM a function needs: from the methods of the adapters that it reaches, by what they call on their way.

Read from the files alone. Where it cannot tell two methods of one name apart it takes both, so what it finds is rather too much
than too little; a policy that has less than this fails, and one that has more.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from botocore import xform_name
from botocore.session import Session

from tests.infra.conftest import ROOT

Place = tuple[str, str]
"""A file, and a function or method in it."""

# By the name of a client. Where two services have an operation of one name, the later one is meant.
PREFIXES = {
    "ec2": "ec2", "application-autoscaling": "application-autoscaling", "autoscaling": "autoscaling", "ecs": "ecs", "ecr": "ecr", "sqs": "sqs", "s3": "s3",
    "cloudwatch": "cloudwatch", "elbv2": "elasticloadbalancing", "lambda": "lambda", "ssm": "ssm", "secretsmanager": "secretsmanager",
}  # fmt: skip
# An Auto Scaling group is only put on a launch template that its caller could launch instances of, with their roles and tags.
LAUNCHING = {"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"}
# What an operation needs where that is not the action of its name.
ACTIONS: dict[str, set[str]] = {
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "s3:HeadObject": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    # A version of the object may be named; and without leave to list, S3 answers 403 for an object that is not there.
    "s3:GetObject": {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"},
    # Lambda fetches the code in the name of who asks.
    "lambda:UpdateFunctionCode": {"lambda:UpdateFunctionCode", "s3:GetObject", "s3:GetObjectVersion"},
    # With the roles and the tags of the base.
    "ecs:RegisterTaskDefinition": {"ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"},
    "autoscaling:UpdateAutoScalingGroup": {"autoscaling:UpdateAutoScalingGroup", *LAUNCHING},
    "autoscaling:StartInstanceRefresh": {"autoscaling:StartInstanceRefresh", *LAUNCHING},
}


@dataclass(frozen=True)
class Module:
    """What can be called by name in a file, each with where it is: its own functions and methods, and those of what it imports."""

    own: dict[str, ast.AST]
    imported: dict[str, str]
    modules: dict[str, str]


@dataclass(frozen=True)
class Named:
    """What a function names: words, and what it takes from modules."""

    words: set[str]
    of_modules: set[Place]


def called(file: str, start: str) -> set[str]:
    """The actions behind every client method that is named, as an attribute or as text, on the way from this function."""
    seen: set[Place] = set()
    ahead, actions = [(file, start)], set()
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        place, name = here
        module = _module(place)
        named = _named_in(module.own[name], module.modules)
        ahead += [(place, word) for word in named.words & module.own.keys()]
        ahead += [(module.imported[word], word) for word in named.words & module.imported.keys()]
        ahead += [(where, word) for where, word in named.of_modules if word in _module(where).own]
        for action in (_actions_by_method()[method] for method in named.words & _actions_by_method().keys()):
            actions |= ACTIONS.get(action, {action})
    return actions


@cache
def _actions_by_method() -> dict[str, str]:
    """The IAM action behind each client method of the services that adapters call."""
    models = {prefix: Session().get_service_model(service).operation_names for service, prefix in PREFIXES.items()}
    return {xform_name(name): f"{prefix}:{name}" for prefix, names in models.items() for name in names}


@cache
def _module(file: str) -> Module:
    tree = ast.parse(ROOT.joinpath(file).read_text())
    own: dict[str, ast.AST] = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    imported: dict[str, str] = {}
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("chalicelib."):
            continue
        source = f"{str(node.module).replace('.', '/')}.py"
        for alias in node.names:
            inner = f"{str(node.module).replace('.', '/')}/{alias.name}.py"
            if ROOT.joinpath(inner).exists():
                modules[alias.asname or alias.name] = inner
            elif ROOT.joinpath(source).exists():
                imported |= dict.fromkeys(_callable_as(source, alias.name), source)
    return Module(own | _kept_callables(tree), imported, modules)


def _callable_as(file: str, name: str) -> Iterator[str]:
    """What a name that is imported lets one call: itself, or its methods where it is a class."""
    tree = ast.parse(ROOT.joinpath(file).read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            yield name
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef))
            yield from _kept_callables(node)


def _kept_callables(tree: ast.AST) -> dict[str, ast.AST]:
    """`self.name = lru_cache(9)(self._other)`: what is called under the first name does what the second says."""
    return {
        target.attr: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    }


def _named_in(function: ast.AST, modules: dict[str, str]) -> Named:
    """`self._clients.look` is a client and not the method of that name."""
    words, of_modules = set(), set()
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=module)) if module in modules:
                of_modules.add((modules[module], node.attr))
            case ast.Attribute() if not ast.unparse(node.value).endswith("clients"):
                words.add(node.attr)
            case ast.Name():
                words.add(node.id)
            case ast.Constant(value=str(text)):
                words.add(text)
    return Named(words, of_modules)
