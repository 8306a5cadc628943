"""experiments"""
from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.runtimes.runtime import Size
from tests.stories.test_sizes import sized, sizes, scale
from tests.world import World, a_definition
from tests.faults.sizes import GROUPS
import pytest

def two(**c):
    w = sized(**c); w.live("1.0.0"); w.live("1.1.0"); w.wait(10); return w

def test_all_at_once_candidate_scaled_in():
    w = two()
    w.redefine(rollout={"strategy": "all-at-once", "steps": [], "watch_seconds": 30, "deadline_seconds": 300})
    w.staged("1.2.0")
    scale(w, Color.BLUE, 6)   # live grew while staged
    w.control.deployments.promote("web", w.asked(), version="1.2.0")
    w.wait(60)
    d = w.deployment("1.2.0")
    print(d.phase, w.share(Color.GREEN), w.control.services.picture("web").look.waits_for, w.runtime.sizes(w.service().definition))
    assert w.share(Color.GREEN) == 100

def test_size_change_keeps_live():
    w = two()
    before = w.service()
    w.redefine(runtime={**before.definition.runtime.model_dump(mode="json"), "idle_size": 2})
    after = w.service()
    print(before.live, after.live, after.standing)
    assert after.live == before.live and after.standing == before.standing

def test_lambda_provisioned_change_keeps_live():
    w = World(); w.register(a_definition()); w.wait(5); w.live("1.0.0"); w.live("1.1.0"); w.wait(10)
    before = w.service()
    w.redefine(runtime={**before.definition.runtime.model_dump(mode="json"), "provisioned": 2})
    after = w.service()
    assert after.live == before.live and after.standing == before.standing

def test_adopted_idle_0():
    w = World()
    d = a_definition(runtime=GROUPS | {"idle_size": 0})
    w.runtime.resize
    from chalicelib.traffic.memory import Balancer
    w.targets.stand(d.traffic.target_groups.blue, "old")
    w.runtime._put_size(d, Color.BLUE, Size(3, held=False))
    w.register(d)
    w.wait(5)
    print(w.service().live)
    w.live("1.0.0"); w.wait(10)
    print(w.runtime.sizes(d), w.service().live)
    w.control.deployments.rollback("web", w.asked("bad"))
    w.wait(60)
    print(w.deployments()[0])
    assert w.share(Color.BLUE) == 100


def test_giving_up_new_ground():
    from tests.stories.test_sizes import Forgetful
    class Never(Forgetful):
        def resize(self, *a, at_most=None, **n):
            if at_most is None: self._runtime.resize(*a, at_most=at_most, **n)
    w = World(between=lambda name, adapter: Never(adapter) if name == "runtime" else adapter)
    w.register(a_definition(runtime=GROUPS)); w.wait(5)
    w.live("1.0.0"); w.live("1.1.0"); w.wait(10)
    s = w.service(); print("giving_up", s.giving_up, s.live)
    assert s.giving_up is Color.GREEN
    from chalicelib.traffic.memory import Balancer
    t = s.definition.traffic.model_dump()
    t["target_groups"] = {k: v+"n" for k, v in t["target_groups"].items()}
    t["production_rule"] += "n"; t["staging_rule"] += "n"
    d2 = a_definition(runtime={**GROUPS, "groups": {"blue": "n-blue", "green": "n-green"}}, traffic=t)
    w.router.attach(d2.traffic, Balancer(health_delay_seconds=2))
    w.router.meddle(d2.traffic.production_rule, {t["target_groups"]["blue"]: 0, t["target_groups"]["green"]: 1})
    w.targets.stand(t["target_groups"]["green"], "old")
    w.control.services.register("web", d2, if_match=None, by=w.asked().by if hasattr(w.asked(),'by') else None)
    w.wait(60)
    s = w.service(); print("after", s.giving_up, s.live, s.due_at, w.runtime.sizes(d2))
    assert s.giving_up is None
