"""Commands that need AWS itself, as far as they go without a running stack."""

import json
import socket

import boto3
import pytest
from moto import mock_aws

from tests.cli.running import Runner
from turnout.local.control_plane import table_definition


class TestDown:
    def test_is_done_when_nothing_runs(self, cli: Runner):
        ran = cli.turnout("local", "down")

        assert (ran.exit_code, ran.out) == (0, "")
        assert "no local stack" in ran.err

    def test_says_as_json_whether_one_ran(self, cli: Runner):
        assert cli.turnout("local", "down", "--json").json == {"ended": False}


class TestUp:
    @pytest.mark.parametrize("how", [(), ("--detach",)])
    def test_on_a_port_that_is_taken_says_what_to_do(self, cli: Runner, how):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()

            ran = cli.turnout("local", "up", "--port", str(taken.getsockname()[1]), *how)

        assert (ran.exit_code, ran.out) == (1, "")
        assert "--port" in ran.err

    @pytest.mark.parametrize("option", [("--tick", "0"), ("--port", "70000"), ("--alb-lag", "-1")])
    def test_of_nonsense_is_usage(self, cli: Runner, option):
        assert cli.turnout("local", "up", *option).exit_code == 2


class TestServiceCreate:
    def test_on_a_stack_that_was_killed_says_what_to_do(self, cli: Runner, api):
        (cli.directory / ".turnout").mkdir()
        stack = {"api_url": api.url, "token": "t", "aws_endpoint_url": "http://127.0.0.1:1", "region": "eu-west-1", "artifact_bucket": "b"}
        (cli.directory / ".turnout" / "local.json").write_text(json.dumps(stack))

        ran = cli.turnout("service", "create", "web", "--runtime", "lambda")

        assert ran.exit_code == 1
        assert "turnout local up" in ran.err

    def test_of_what_can_be_no_name_is_usage(self, cli: Runner):
        assert cli.turnout("service", "create", "Web_1", "--runtime", "lambda").exit_code == 2

    def test_is_not_of_the_local_stack_when_another_server_is_meant(self, cli: Runner):
        (cli.directory / ".turnout").mkdir()
        stack = {"api_url": "http://127.0.0.1:8640", "token": "t", "aws_endpoint_url": "http://127.0.0.1:1", "region": "r", "artifact_bucket": "b"}
        (cli.directory / ".turnout" / "local.json").write_text(json.dumps(stack))

        assert "in AWS this needs --listener" in cli.turnout("service", "create", "web", "--runtime", "lambda").err


class TestTokenBootstrap:
    def test_writes_the_first_administrator(self, cli: Runner):
        with mock_aws():
            boto3.client("dynamodb").create_table(**table_definition("turnout"))

            ran = cli.turnout("token", "bootstrap", "--table", "turnout", "--json")

        assert ran.exit_code == 0
        assert ran.json["token"].startswith("tnt_")
        assert ran.json["role"] == "admin"

    def test_without_the_table_says_what_to_do(self, cli: Runner):
        with mock_aws():
            ran = cli.turnout("token", "bootstrap", "--table", "nowhere")

        assert ran.exit_code == 1
        assert "'nowhere'" in ran.err

    def test_of_no_table_is_usage(self, cli: Runner):
        assert cli.turnout("token", "bootstrap").exit_code == 2
