"""Each command: what it asks the server, what it prints, and what it asks a person."""

import json

import pytest

from tests.cli.builders import a_deployment, a_list, a_service, an_event
from tests.cli.running import Runner

WEB = "/v1/services/web"


class TestStatus:
    def test_of_one_service_as_json_is_what_the_api_answers(self, api, cli: Runner):
        api.on("GET", WEB, a_service())

        ran = cli.turnout("status", "web", "--json")

        assert (ran.exit_code, ran.err) == (0, "")
        assert ran.json == a_service()

    def test_of_one_service_says_what_is_where(self, api, cli: Runner):
        api.on("GET", WEB, a_service(paused=True))

        out = cli.turnout("status", "web").out

        assert "live        1.4.1 on blue, config 3" in out
        assert "weights     blue 90 %, green 10 %, seen 2026-11-23 11:59:58Z (2 s ago)" in out
        assert "deployment  d-000012 1.4.2: shifting, step 1 of 3" in out
        assert "verdict     inconclusive: 41 of 100 requests seen" in out
        assert "notes       paused" in out

    def test_of_a_new_service_has_dashes(self, api, cli: Runner):
        empty = a_service(live=None, candidate=None, deployment=None, verdict=None, weights={"desired": {"blue": 100.0, "green": 0.0}, "observed": {}, "observed_at": None})
        api.on("GET", WEB, empty)

        ran = cli.turnout("status", "web")

        assert ran.exit_code == 0
        assert "live        -" in ran.out

    def test_of_all_is_a_line_each(self, api, cli: Runner):
        api.on("GET", "/v1/services", a_list(a_service(), a_service(name="api", deployment=None)))

        out = cli.turnout("status").out.splitlines()

        assert [line.split()[0] for line in out] == ["SERVICE", "web", "api"]

    def test_of_nothing_talks_on_stderr(self, api, cli: Runner):
        api.on("GET", "/v1/services", a_list())

        ran = cli.turnout("status")

        assert ran.out == ""
        assert "turnout service create" in ran.err

    def test_has_colours_at_a_terminal_only_and_not_with_no_color(self, api, cli: Runner):
        api.on("GET", WEB, a_service())

        assert "\x1b[" in cli.turnout("status", "web", terminal_output=True).out
        assert "\x1b[" not in cli.turnout("status", "web").out
        cli.environ["NO_COLOR"] = "1"
        assert "\x1b[" not in cli.turnout("status", "web", terminal_output=True).out

    def test_lets_nobody_steer_the_terminal(self, api, cli: Runner):
        api.on("GET", WEB, a_service(verdict={"outcome": "healthy", "reason": "\x1b[2Jgone\x07"}))

        out = cli.turnout("status", "web", terminal_output=True).out

        assert "\x1b[2J" not in out
        assert "\x07" not in out


class TestLists:
    def test_are_paged_to_the_limit_and_say_how_to_go_on(self, api, cli: Runner):
        first = [an_event(number % 60, id=f"e-{number}") for number in range(100)]
        api.on("GET", f"{WEB}/deployments/d-1/events", a_list(*first, cursor="c1"), a_list(*first[:50], cursor="c2"))

        ran = cli.turnout("history", "web", "d-1", "--limit", "150", "--json")

        assert [asked.query for asked in api.asked] == [{"limit": "100"}, {"limit": "50", "cursor": "c1"}]
        assert (len(ran.json["items"]), ran.json["cursor"]) == (150, "c2")

    def test_that_are_empty_are_still_json(self, api, cli: Runner):
        api.on("GET", "/v1/rejections", a_list())

        assert cli.turnout("rejections", "--json").json == {"items": [], "cursor": None}

    @pytest.mark.parametrize(
        ("arguments", "path", "item", "shown"),
        [
            (("releases", "web"), f"{WEB}/releases", {"version": "1.4.2", "artifact": {"kind": "s3", "uri": "s3://b/k", "sha256": "ab" * 32}, "certified": True}, "abababababab"),
            (("history", "web"), f"{WEB}/deployments", a_deployment(), "shifting, step 1 of 3"),
            (("history", "web", "d-1"), f"{WEB}/deployments/d-1/events", an_event(1), "what happened 1"),
            (("rejections",), "/v1/rejections", {"id": "r", "service": "web", "version": "2", "kind": "bad-zip", "reason": "no zip"}, "no zip"),
            (("audit", "web"), "/v1/audit", {"chain": "web", "seq": 3, "actor": "me", "action": "promote", "reason": "why"}, "promote"),
            (("config", "list", "web"), f"{WEB}/config", {"config_version": 3, "settings": {"B": "2", "A": "1"}}, "A, B"),
            (("token", "list"), "/v1/tokens", {"id": "t1", "name": "ci", "role": "deployer", "services": "web*"}, "deployer"),
            (("service", "list"), "/v1/services", a_service(), "web"),
        ],
    )
    def test_print_a_table_or_the_items(self, api, cli: Runner, *, arguments, path, item, shown):
        api.on("GET", path, a_list(item))

        assert shown in cli.turnout(*arguments).out
        assert cli.turnout(*arguments, "--json").json == a_list(item)

    def test_of_one_service_filter_the_audit(self, api, cli: Runner):
        api.on("GET", "/v1/audit", a_list())

        cli.turnout("audit", "web")

        assert api.last("GET").query["service"] == "web"


class TestDeploy:
    def test_sends_what_was_said_and_nothing_else(self, api, cli: Runner):
        api.on("POST", f"{WEB}/deployments", (202, a_deployment(phase="pending", step=0)))

        ran = cli.turnout("deploy", "web", "1.4.2", "--config-version", "0", "--reason", "again")

        assert api.last("POST").body == {"version": "1.4.2", "config_version": 0, "reason": "again"}
        assert ran.out == "d-000012  web 1.4.2  pending\n"
        assert "turnout watch web" in ran.err

    def test_overrides_a_quarantine_when_told_to(self, api, cli: Runner):
        api.on("POST", f"{WEB}/deployments", (202, a_deployment()))

        cli.turnout("deploy", "web", "1.4.2", "--override-quarantine", "--reason", "fixed outside")

        assert api.last("POST").body["override_quarantine"] is True


class TestPromote:
    def test_sends_the_version_it_was_given(self, api, cli: Runner):
        api.on("POST", f"{WEB}/promote", (202, a_deployment()))

        cli.turnout("promote", "web", "1.4.2", "--strategy", "linear", "--skip-holds")

        assert api.last("POST").body == {"version": "1.4.2", "strategy": "linear", "skip_holds": True}
        assert api.count("GET", WEB) == 0

    def test_sends_the_version_it_showed(self, api, cli: Runner):
        api.on("GET", WEB, a_service(deployment=a_deployment(phase="staged", step=0))).on("POST", f"{WEB}/promote", (202, a_deployment()))

        ran = cli.turnout("promote", "web")

        assert "web 1.4.2: staged" in ran.err
        assert api.last("POST").body == {"version": "1.4.2"}

    def test_of_nothing_staged_is_a_conflict_and_asks_for_nothing(self, api, cli: Runner):
        api.on("GET", WEB, a_service(candidate=None, deployment=None))

        ran = cli.turnout("promote", "web")

        assert ran.exit_code == 7
        assert "turnout deploy web" in ran.err
        assert api.count("POST", f"{WEB}/promote") == 0

    def test_rehearses(self, api, cli: Runner):
        told = {"dry_run": True, "instructions": [{"do": "set-weights", "split": {"blue": 90.0, "green": 10.0}, "unstick": False}], "deployment": a_deployment()}
        api.on("POST", f"{WEB}/promote", told)

        ran = cli.turnout("promote", "web", "1.4.2", "--dry-run", "--wait")

        assert api.last("POST").query == {"dry_run": "true"}
        assert ran.out.splitlines() == [
            '1. set-weights: split {"blue": 90.0, "green": 10.0}, unstick no',
            "then: d-000012  web 1.4.2  shifting, step 1 of 3",
        ]
        assert cli.turnout("promote", "web", "1.4.2", "--dry-run", "--json").json == told


class TestConfirming:
    @pytest.fixture
    def promotable(self, api):
        return api.on("POST", f"{WEB}/promote", (202, a_deployment()))

    def test_asks_a_person_at_a_terminal(self, promotable, cli: Runner):
        ran = cli.turnout("promote", "web", "1.4.2", typed="y\n")

        assert ran.exit_code == 0
        assert "Promote web 1.4.2? [y/N]" in ran.err

    @pytest.mark.parametrize("typed", ["\n", "n\n", ""])
    def test_changes_nothing_unless_it_is_confirmed(self, promotable, cli: Runner, typed):
        ran = cli.turnout("promote", "web", "1.4.2", typed=typed)

        assert ran.exit_code == 1
        assert promotable.asked == []

    def test_asks_nobody_who_said_yes(self, promotable, cli: Runner):
        assert "?" not in cli.turnout("promote", "web", "1.4.2", "--yes", typed="").err

    def test_asks_nobody_without_a_terminal(self, promotable, cli: Runner):
        assert cli.turnout("promote", "web", "1.4.2").exit_code == 0


class TestRollback:
    def test_looks_at_nothing_before_it_asks(self, api, cli: Runner):
        api.on("POST", f"{WEB}/rollback", (202, a_deployment(kind="rollback", version="1.4.1")))

        ran = cli.turnout("rollback", "web", "--reason", "bad", "--json")

        assert [asked.method for asked in api.asked] == ["POST"]
        assert api.last("POST").body == {"reason": "bad"}
        assert ran.json["kind"] == "rollback"

    def test_always_has_a_reason(self, api, cli: Runner):
        api.on("POST", f"{WEB}/rollback", (202, a_deployment(kind="rollback")))

        cli.turnout("rollback", "web", "--to", "1.4.0")

        assert api.last("POST").body == {"to": "1.4.0", "reason": "asked for at the command line, no reason given"}

    def test_shows_a_person_the_target_and_sends_exactly_that(self, api, cli: Runner):
        api.on("GET", f"{WEB}/rollback", {"version": "1.4.1", "why": "newest certified", "warm": True, "refusal": None})
        api.on("POST", f"{WEB}/rollback", (202, a_deployment(kind="rollback", version="1.4.1")))

        ran = cli.turnout("rollback", "web", typed="y\n")

        assert "newest certified" in ran.err
        assert "Roll web back to 1.4.1?" in ran.err
        assert api.last("POST").body["to"] == "1.4.1"

    def test_shows_what_there_is_to_know(self, api, cli: Runner):
        changes = [
            {"name": "DB", "kind": "changed", "before": "ssm:/turnout/db:2", "after": "ssm:/turnout/db:1"},
            {"name": "MODE", "kind": "added", "before": None, "after": None},
        ]
        api.on("GET", f"{WEB}/rollback", {
            "version": "1.4.1", "config_version": 3, "why": "it was named", "warm": False, "certified": True, "look_age_seconds": 7.2, "refusal": "it is live already",
            "digest": "sha256:ab", "digest_exists": True, "eta_seconds": 86.0, "config_changes": changes, "warnings": ["it is old", "it is slow"],
        })  # fmt: skip
        api.on("POST", f"{WEB}/rollback", (202, a_deployment(kind="rollback", version="1.4.1")))

        ran = cli.turnout("rollback", "web", "1.4.1", typed="n\n")

        assert api.last("GET").query == {"to": "1.4.1"}
        assert ran.err.splitlines()[:9] == [
            "target    1.4.1, config 3, certified: it was named",
            "stands    nowhere: it has to be put on a colour first",
            "looked    7 s ago",
            "artifact  sha256:ab is there",
            "takes     about 86 s",
            "config    DB changed ssm:/turnout/db:2 -> ssm:/turnout/db:1; MODE added",
            "warning   it is old",
            "warning   it is slow",
            "refused   it is live already",
        ]

    def test_that_is_rehearsed_shows_the_preflight_to_everybody(self, api, cli: Runner):
        api.on("GET", f"{WEB}/rollback", {"version": "1.4.1", "color": "blue", "why": "newest certified", "warm": True, "target_healthy": True})
        api.on("POST", f"{WEB}/rollback", {"dry_run": True, "instructions": [], "deployment": None})

        ran = cli.turnout("rollback", "web", "--dry-run")
        in_json = cli.turnout("rollback", "web", "--dry-run", "--json")

        assert "stands  warm on blue, healthy: the traffic moves at once" in ran.err
        assert in_json.json["preflight"]["version"] == "1.4.1"
        assert (api.last("POST").query, "to" in api.last("POST").body) == ({"dry_run": "true"}, False)

    def test_is_not_held_up_by_a_preflight_that_fails(self, api, cli: Runner):
        api.problem("GET", f"{WEB}/rollback", 500, "internal").on("POST", f"{WEB}/rollback", (202, a_deployment(kind="rollback")))

        assert cli.turnout("rollback", "web", typed="y\n").exit_code == 0

    def test_to_two_versions_is_usage(self, cli: Runner):
        assert cli.turnout("rollback", "web", "1.4.1", "--to", "1.4.0").exit_code == 2


class TestSteering:
    def test_pause_and_resume_answer_the_service(self, api, cli: Runner):
        api.on("POST", f"{WEB}/pause", a_service(paused=True)).on("POST", f"{WEB}/resume", a_service())

        assert cli.turnout("pause", "web", "--reason", "lunch").out == "web  paused  d-000012 1.4.2: shifting, step 1 of 3\n"
        assert api.last("POST").body == {"reason": "lunch"}
        assert cli.turnout("resume", "web", "--json").json["paused"] is False

    def test_resume_ends_a_drift(self, api, cli: Runner):
        api.on("POST", f"{WEB}/resume", a_service())

        cli.turnout("resume", "web", "--drift", "adopt", "--reason", "it was me")

        assert api.last("POST").body == {"drift": "adopt", "reason": "it was me"}

    def test_abort_answers_the_deployment(self, api, cli: Runner):
        api.on("POST", f"{WEB}/abort", (202, a_deployment(phase="aborted", step=0)))

        assert cli.turnout("abort", "web").out == "d-000012  web 1.4.2  aborted\n"

    @pytest.mark.parametrize(("arguments", "certified"), [((), True), (("--not-certified",), False)])
    def test_certify_says_whether(self, api, cli: Runner, arguments, certified):
        api.on("POST", f"{WEB}/certify", (202, a_deployment(phase="watching")))

        cli.turnout("certify", "web", *arguments)

        assert api.last("POST").body == {"certified": certified}


class TestExplain:
    def test_lists_every_condition(self, api, cli: Runner):
        api.on("GET", f"{WEB}/explain", {"items": [{"name": "targets", "outcome": "inconclusive", "reason": "1 of 2 healthy", "numbers": {}}]})

        assert "targets    inconclusive  1 of 2 healthy" in cli.turnout("explain", "web").out

    def test_shows_the_answer_where_the_server_gives_one(self, api, cli: Runner):
        items = [{"name": "paused", "answer": "pending", "outcome": "inconclusive", "reason": 'paused by bob; "turnout resume web" lets it go on', "numbers": {}}]
        api.on("GET", f"{WEB}/explain", {"service": "web", "items": items, "cursor": None})

        assert 'paused     pending  paused by bob; "turnout resume web" lets it go on' in cli.turnout("explain", "web").out
        assert cli.turnout("explain", "web", "--json").json["items"] == items

    def test_of_nothing_says_so(self, api, cli: Runner):
        api.on("GET", f"{WEB}/explain", {"items": []})

        assert cli.turnout("explain", "web").out == "it waits for nothing\n"


class TestConfig:
    def test_set_sends_what_changes(self, api, cli: Runner):
        api.on("POST", f"{WEB}/config", (201, {"config_version": 4, "settings": {"A": "x=y", "B": ""}}))

        ran = cli.turnout("config", "set", "web", "A=x=y", "B=", "--unset", "OLD", "--reason", "why")

        assert api.last("POST").body == {"set": {"A": "x=y", "B": ""}, "unset": ["OLD"], "reason": "why"}
        assert ran.out == "A=x=y\nB=\n"

    @pytest.mark.parametrize("arguments", [(), ("A",), ("=x",)])
    def test_set_of_nonsense_is_usage(self, cli: Runner, arguments):
        assert cli.turnout("config", "set", "web", *arguments).exit_code == 2

    def test_set_takes_references(self, api, cli: Runner):
        pinned = {"DB": {"ssm": "/turnout/db", "version": 3}, "KEY": {"secretsmanager": "turnout/key", "version": "v-1"}}
        api.on("POST", f"{WEB}/config", (201, {"config_version": 4, "settings": pinned}))

        ran = cli.turnout("config", "set", "web", "--ssm", "DB=/turnout/db#3", "--ssm", "URL=/turnout/url", "--secret", "KEY=turnout/key#v-1")

        assert api.last("POST").body["set"] == pinned | {"URL": {"ssm": "/turnout/url"}}
        assert ran.out == "DB=ssm:/turnout/db:3\nKEY=secretsmanager:turnout/key:v-1\n"

    def test_set_of_a_parameter_in_no_version_is_usage(self, cli: Runner):
        assert cli.turnout("config", "set", "web", "--ssm", "DB=/turnout/db#newest").exit_code == 2

    def test_unset_leaves_settings_out(self, api, cli: Runner):
        api.on("POST", f"{WEB}/config", (201, {"config_version": 4, "settings": {}}))

        cli.turnout("config", "unset", "web", "A", "B")

        assert api.last("POST").body == {"set": {}, "unset": ["A", "B"]}

    def test_diff_shows_what_changed_up_to_the_newest(self, api, cli: Runner):
        api.on("GET", f"{WEB}/config", a_list({"config_version": 4, "settings": {}}))
        added, removed = {"name": "B", "before": None, "after": "2"}, {"name": "C", "before": "3", "after": None}
        changed = {"name": "A", "before": {"ssm": "/a", "version": 1}, "after": {"ssm": "/a", "version": 2}}
        api.on("GET", f"{WEB}/config/4", {"config_version": 4, "against": 2, "added": [added], "removed": [removed], "changed": [changed]})

        ran = cli.turnout("config", "diff", "web", "2")

        assert api.last("GET").query == {"against": "2"}
        assert ran.out == "~ A=ssm:/a:1 -> ssm:/a:2\n+ B=2\n- C=3\n"

    def test_diff_of_the_same_says_so(self, api, cli: Runner):
        api.on("GET", f"{WEB}/config/4", {"config_version": 4, "against": 4, "added": [], "removed": [], "changed": []})

        assert cli.turnout("config", "diff", "web", "4", "4").out == "nothing is different\n"

    def test_show_shows_the_newest(self, api, cli: Runner):
        api.on("GET", f"{WEB}/config", a_list({"config_version": 4, "settings": {"A": "1"}}))

        assert cli.turnout("config", "show", "web").out == "A=1\n"

    def test_show_of_a_number_asks_for_it(self, api, cli: Runner):
        api.on("GET", f"{WEB}/config/2", {"config_version": 2, "settings": {}})

        assert cli.turnout("config", "show", "web", "2", "--json").json["config_version"] == 2


class TestReleases:
    def test_of_one_version_shows_it_in_full(self, api, cli: Runner):
        release = {"version": "1.4.2", "artifact": {"kind": "s3", "uri": "s3://b/k", "sha256": "ab" * 32}, "commit": "c0ffee", "gates": [{"name": "tests", "answer": "passed", "reason": "12 ran"}]}
        api.on("GET", f"{WEB}/releases/1.4.2", release)

        out = cli.turnout("releases", "web", "1.4.2").out

        assert "c0ffee" in out
        assert "gate tests: passed, 12 ran" in out


class TestToken:
    def test_create_prints_the_token_and_nothing_else_on_stdout(self, api, cli: Runner):
        api.on("POST", "/v1/tokens", (201, {"id": "t1", "token": "tnt_t1_secret", "name": "ci", "expires_at": "2026-12-23T00:00:00Z"}))

        ran = cli.turnout("token", "create", "ci", "--role", "deployer", "--services", "web*", "--expires-in", "12h")

        assert api.last("POST").body == {"name": "ci", "role": "deployer", "services": "web*", "expires_in_seconds": 43200}
        assert ran.out == "tnt_t1_secret\n"
        assert "tnt_t1_secret" not in ran.err

    @pytest.mark.parametrize("text", ["0", "soon", "1w", "-1"])
    def test_create_for_no_time_is_usage(self, cli: Runner, text):
        assert cli.turnout("token", "create", "ci", "--role", "viewer", "--expires-in", text).exit_code == 2

    def test_revoke_says_that_it_is(self, api, cli: Runner):
        api.on("DELETE", "/v1/tokens/t1", (204, None))

        ran = cli.turnout("token", "revoke", "t1")

        assert (ran.exit_code, ran.out) == (0, "")
        assert "t1 is revoked" in ran.err


class TestService:
    def test_put_sends_the_file(self, api, cli: Runner):
        (cli.directory / "web.json").write_text(json.dumps(a_service()["definition"]))
        api.on("PUT", WEB, (201, a_service())).on("GET", WEB, a_service())

        ran = cli.turnout("service", "put", "web", str(cli.directory / "web.json"), "--if-match", '"1-x"', "--reason", "more & better")

        assert api.last("PUT").query == {"reason": "more & better"}
        assert api.last("PUT").body == a_service()["definition"]
        assert api.last("PUT").headers["If-Match"] == '"1-x"'
        assert "production  http://127.0.0.1:9001" in ran.out

    @pytest.mark.parametrize("content", ["{", "[]"])
    def test_put_of_nonsense_is_usage(self, cli: Runner, content):
        (cli.directory / "web.json").write_text(content)

        assert cli.turnout("service", "put", "web", str(cli.directory / "web.json")).exit_code == 2

    def test_show_prints_what_put_takes(self, api, cli: Runner):
        api.on("GET", WEB, a_service())

        assert cli.turnout("service", "show", "web").json == a_service()["definition"]

    def test_delete_leaves_the_rest_alone(self, api, cli: Runner):
        api.on("DELETE", WEB, (204, None))

        assert cli.turnout("service", "delete", "web", "--yes", "--reason", "gone").exit_code == 0
        assert api.last("DELETE").query == {"reason": "gone"}

    def test_create_without_a_local_stack_is_in_aws_and_says_what_that_needs(self, cli: Runner):
        ran = cli.turnout("service", "create", "web", "--runtime", "lambda")

        assert ran.exit_code == 2
        assert "--listener" in ran.err
        assert "turnout local up" in ran.err

    def test_create_of_another_runtime_is_usage_and_names_those_there_are(self, cli: Runner):
        ran = cli.turnout("service", "create", "web", "--runtime", "fargate")

        assert ran.exit_code == 2
        assert all(f"'{runtime}'" in ran.err for runtime in ("lambda", "ecs", "autoscaling"))


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_prints_a_script(self, cli: Runner, shell):
        ran = cli.turnout("completion", shell)

        assert ran.exit_code == 0
        assert "_TURNOUT_COMPLETE" in ran.out
