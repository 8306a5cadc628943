"""Which server is meant, and that no token goes to another one."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.running import Runner
from turnout.cli import profiles
from turnout.cli.connection import find_local, resolve
from turnout.cli.exits import Exit, Failure

HERE = {"api_url": "http://127.0.0.1:8640", "token": "tnt_local", "aws_endpoint_url": "http://127.0.0.1:5000", "region": "eu-west-1", "artifact_bucket": "b", "pid": 1}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "work" / "deep"
    made.mkdir(parents=True)
    return made


def local_stack_in(directory: Path, **changes) -> None:
    (directory / ".turnout").mkdir()
    (directory / ".turnout" / "local.json").write_text(json.dumps(HERE | changes))


def resolved(environ, directory, url=None, profile=None):
    found = resolve(url=url, profile=profile, environ=environ, directory=directory)
    return found.url, found.token


class TestATokenOfTheEnvironment:
    @pytest.mark.parametrize("written", ["tnt_env\n", " tnt_env", "tnt_env\r\n"])
    def test_counts_without_what_surrounds_it(self, environ, directory, written):
        assert resolved(environ | {"TURNOUT_URL": "https://t.example", "TURNOUT_TOKEN": written}, directory)[1] == "tnt_env"

    @pytest.mark.parametrize("written", ["tnt_\xe4", "tnt_a tnt_b", "tnt_a\ntnt_b"])
    def test_that_cannot_be_sent_is_refused(self, environ, directory, written):
        with pytest.raises(Failure) as refused:
            resolved(environ | {"TURNOUT_URL": "https://t.example", "TURNOUT_TOKEN": written}, directory)

        assert refused.value.exit_code is Exit.NOT_ALLOWED
        assert written not in refused.value.detail


class TestPrecedence:
    def test_the_environment_is_enough(self, environ, directory):
        assert resolved(environ | {"TURNOUT_URL": "https://t.example/", "TURNOUT_TOKEN": "tnt_env"}, directory) == ("https://t.example", "tnt_env")

    def test_a_flag_goes_before_the_environment(self, environ, directory):
        profiles.save(environ, "prod", profiles.Profile("https://prod.example", "tnt_prod"))

        found = resolved(environ | {"TURNOUT_URL": "https://t.example", "TURNOUT_TOKEN": "tnt_env"}, directory, profile="prod")

        assert found == ("https://prod.example", "tnt_prod")

    def test_the_environment_goes_before_the_local_stack(self, environ, directory):
        local_stack_in(directory)

        assert resolved(environ | {"TURNOUT_URL": "https://t.example", "TURNOUT_TOKEN": "tnt_env"}, directory)[0] == "https://t.example"

    def test_the_local_stack_goes_before_a_profile(self, environ, directory):
        profiles.save(environ, "prod", profiles.Profile("https://prod.example", "tnt_prod"))
        local_stack_in(directory)

        assert resolved(environ, directory) == ("http://127.0.0.1:8640", "tnt_local")

    def test_the_local_stack_of_a_directory_above_counts(self, environ, directory):
        local_stack_in(directory.parent)

        assert resolved(environ, directory)[1] == "tnt_local"

    def test_the_last_login_is_the_default(self, environ, directory):
        profiles.save(environ, "prod", profiles.Profile("https://prod.example", "tnt_prod"))
        profiles.save(environ, "test", profiles.Profile("https://test.example", "tnt_test"))

        assert resolved(environ, directory) == ("https://test.example", "tnt_test")

    def test_nothing_named_says_what_to_do(self, environ, directory):
        with pytest.raises(Failure, match="turnout login"):
            resolved(environ, directory)


class TestTokens:
    def test_of_one_server_are_not_shown_to_another(self, environ, directory):
        local_stack_in(directory)
        profiles.save(environ, "prod", profiles.Profile("https://prod.example", "tnt_prod"))

        assert resolved(environ, directory, url="https://elsewhere.example") == ("https://elsewhere.example", None)

    def test_of_the_environment_are_for_its_server(self, environ, directory):
        named = environ | {"TURNOUT_URL": "https://t.example", "TURNOUT_TOKEN": "tnt_env"}

        assert resolved(named, directory, url="https://elsewhere.example")[1] is None

    def test_without_an_address_are_for_the_flags(self, environ, directory):
        assert resolved(environ | {"TURNOUT_TOKEN": "tnt_env"}, directory, url="https://t.example")[1] == "tnt_env"

    def test_are_found_by_the_address(self, environ, directory):
        profiles.save(environ, "prod", profiles.Profile("https://prod.example", "tnt_prod"))

        assert resolved(environ | {"TURNOUT_URL": "https://prod.example/"}, directory) == ("https://prod.example", "tnt_prod")


class TestNonsense:
    def test_an_address_without_a_scheme_is_usage(self, cli: Runner):
        assert cli.turnout("status", "--url", "turnout.example").exit_code == 2

    def test_an_unknown_profile_is_named(self, cli: Runner):
        ran = cli.turnout("status", "--profile", "nowhere")

        assert ran.exit_code == 1
        assert "'nowhere'" in ran.err

    def test_a_broken_local_file_says_what_to_do(self, directory):
        (directory / ".turnout").mkdir()
        (directory / ".turnout" / "local.json").write_text("{")

        with pytest.raises(Failure, match="turnout local down"):
            find_local(directory)

    def test_broken_profiles_say_what_to_do(self, cli: Runner):
        cli.environ = {"HOME": str(cli.directory)}
        path = profiles.path(cli.environ)
        path.parent.mkdir(parents=True)
        path.write_text("[]")

        ran = cli.turnout("status")

        assert ran.exit_code == 1
        assert "turnout login" in ran.err


class TestLogin:
    def test_keeps_the_token_where_nobody_else_can_read_it(self, api, cli: Runner):
        api.on("GET", "/v1/services", {"items": [], "cursor": None})
        cli.environ = {"HOME": str(cli.directory)}
        cli.piped = "tnt_new\n"
        before = os.umask(0)
        try:
            ran = cli.turnout("login", "--url", api.url)
        finally:
            os.umask(before)

        kept = profiles.path(cli.environ)
        assert ran.exit_code == 0
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        assert profiles.load(cli.environ) == {"default": profiles.Profile(api.url, "tnt_new")}
        assert "tnt_new" not in ran.out + ran.err

    def test_asks_at_a_terminal(self, api, cli: Runner):
        api.on("GET", "/v1/services", {"items": [], "cursor": None})
        cli.secret = "tnt_typed"

        assert cli.turnout("login", "--profile", "prod", typed="").exit_code == 0
        assert profiles.load(cli.environ)["prod"].token == "tnt_typed"

    def test_keeps_nothing_that_the_server_refuses(self, api, cli: Runner):
        api.problem("GET", "/v1/services", 401, "unauthorized")
        cli.piped = "tnt_wrong\n"

        assert cli.turnout("login").exit_code == 4
        assert profiles.load(cli.environ) == {}

    def test_respects_xdg(self, tmp_path):
        assert profiles.path({"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/h"}) == tmp_path / "turnout" / "profiles.json"
        assert profiles.path({"XDG_CONFIG_HOME": "not/absolute", "HOME": "/h"}) == Path("/h/.config/turnout/profiles.json")
