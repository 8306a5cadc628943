"""CI publishes and does nothing else: one prefix, one repository, from one branch or environment of one repository."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.infra.service_stacks import template, text, told

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
SHOP = {"ServiceName": "web", "ArtifactBucket": "artifacts", "GitHubRepository": "octo/my-repo", "OidcProviderArn": PROVIDER}
IDS = {"GitHubOwnerId": "123456", "GitHubRepositoryId": "456789"}
CLAIM = "token.actions.githubusercontent.com:"


@pytest.fixture
def iam() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("iam")


def made(iam: Any, **given: str) -> dict[str, Any]:
    boto3.client("cloudformation").create_stack(
        StackName="ci", TemplateBody=text("ci-role.yaml"), Parameters=told(SHOP | given), Capabilities=["CAPABILITY_IAM"]
    )
    [role] = iam.list_roles()["Roles"]
    return dict(role)


def trust(role: dict[str, Any]) -> dict[str, Any]:
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    return dict(statement)


def subjects(role: dict[str, Any]) -> list[str]:
    # moto leaves a null where CloudFormation leaves nothing.
    return [subject for subject in trust(role)["Condition"]["StringEquals"][CLAIM + "sub"] if subject]


def statements(**given: str) -> list[dict[str, Any]]:
    """As the template has them, with the parameters' values put in."""
    values = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", **SHOP, "ImageRepository": "", **given}
    [policy] = template("ci-role.yaml")["Resources"]["Role"]["Properties"]["Policies"]
    found = []
    for statement in policy["PolicyDocument"]["Statement"]:
        if "Fn::If" in statement:
            condition, then, _ = statement["Fn::If"]
            assert condition == "PushesImages"
            if not values["ImageRepository"]:
                continue
            statement = then
        resource = statement["Resource"]["Fn::Sub"] if isinstance(statement["Resource"], dict) else statement["Resource"]
        for name, value in values.items():
            resource = resource.replace("${" + name + "}", value)
        found.append({**statement, "Resource": resource})
    return found


def may(action: str, resource: str, **given: str) -> bool:
    return any(action in statement["Action"] and fnmatchcase(resource, statement["Resource"]) for statement in statements(**given))


class TestTrust:
    def test_is_of_one_branch(self, iam):
        assert subjects(made(iam)) == ["repo:octo/my-repo:ref:refs/heads/main"]

    def test_of_an_environment_is_told_by_the_environment(self, iam):
        assert subjects(made(iam, Environment="prod", GitRef="")) == ["repo:octo/my-repo:environment:prod"]

    def test_may_be_of_both(self, iam):
        expected = ["repo:octo/my-repo:ref:refs/tags/v1", "repo:octo/my-repo:environment:prod"]

        assert subjects(made(iam, Environment="prod", GitRef="refs/tags/v1")) == expected

    def test_with_ids_is_of_the_repository_and_not_of_its_name(self, iam):
        expected = ["repo:octo@123456/my-repo@456789:ref:refs/heads/main", "repo:octo@123456/my-repo@456789:environment:prod"]

        assert subjects(made(iam, Environment="prod", **IDS)) == expected

    def test_is_of_tokens_for_aws_only_and_compares_whole(self, iam):
        statement = trust(made(iam))

        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Principal"] == {"Federated": PROVIDER}
        assert set(statement["Condition"]) == {"StringEquals"}
        assert statement["Condition"]["StringEquals"][CLAIM + "aud"] == "sts.amazonaws.com"

    def test_needs_somebody_and_both_ids(self):
        assert set(template("ci-role.yaml")["Rules"]) == {"SomebodyIsTrusted", "IdsComeTogether"}

    def test_makes_the_provider_where_there_is_none(self):
        provider = template("ci-role.yaml")["Resources"]["Provider"]

        assert provider["Condition"] == "MakesProvider"
        assert provider["Properties"] == {"Url": "https://token.actions.githubusercontent.com", "ClientIdList": ["sts.amazonaws.com"]}
        assert provider["DeletionPolicy"] == "Retain"

    def test_ends_after_an_hour(self, iam):
        assert made(iam)["MaxSessionDuration"] == 3600


class TestPermissions:
    def test_are_these_and_no_more(self):
        uploading, pushing, login = statements(ImageRepository="shop/web")

        assert sorted(uploading["Action"]) == ["s3:AbortMultipartUpload", "s3:PutObject"]
        assert {action.partition(":")[0] for action in pushing["Action"]} == {"ecr"}
        assert login["Action"] == ["ecr:GetAuthorizationToken"]
        assert [statement["Resource"] for statement in statements(ImageRepository="shop/web") if statement["Resource"] == "*"] == [login["Resource"]]

    def test_are_on_the_services_own_prefix(self):
        assert may("s3:PutObject", "arn:aws:s3:::artifacts/web/1.4.2/dist.zip")
        assert may("s3:PutObject", "arn:aws:s3:::artifacts/web/1.4.2/evidence/junit.xml")
        assert not may("s3:PutObject", "arn:aws:s3:::artifacts/web2/1.4.2/dist.zip")
        assert not may("s3:PutObject", "arn:aws:s3:::others/web/1.4.2/dist.zip")

    def test_are_on_the_services_own_repository(self):
        own, other = (f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}" for name in ("shop/web", "shop/web2"))

        assert may("ecr:PutImage", own, ImageRepository="shop/web")
        assert not may("ecr:PutImage", other, ImageRepository="shop/web")

    def test_without_a_repository_are_on_none(self):
        assert [statement["Sid"] for statement in statements()] == ["UploadReleases"]

    @pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "ecr:BatchDeleteImage", "ecr:GetDownloadUrlForLayer", "lambda:UpdateFunctionCode", "iam:PassRole"])
    def test_neither_read_nor_delete_nor_deploy(self, action):
        assert not [statement for statement in statements(ImageRepository="shop/web") if action in statement["Action"]]

    def test_hold_in_what_is_made(self, iam):
        role = made(iam, ImageRepository="shop/web")

        document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="publish")["PolicyDocument"]

        assert "arn:aws:s3:::artifacts/web/*" in str(document)
        assert "repository/shop/web" in str(document)
