from tests.contract.test_runtime_autoscaling import *
from tests.contract.test_runtime_autoscaling import ByHand
def test_restore_on_live_keeps_serving():
    w = ByHand()
    b = w.publish("1.0.0")
    prepared(w, Color.GREEN, b)
    w.runtime.resize(w.definition, Color.GREEN, at_least=3, held=False)
    for _ in range(8): w.settle()
    assert w.in_service() == 3
    # somebody puts the live group on another version (not refreshed yet)
    w.green["LaunchTemplate"] = {"LaunchTemplateId": w.green["LaunchTemplate"]["LaunchTemplateId"], "LaunchTemplateName": "web", "Version": "1"}
    print(w.runtime.standing(w.definition, Color.GREEN))
    least = 3
    for i in range(20):
        s = w.runtime.prepare(w.definition, Color.GREEN, b, SETTINGS, "restore-1")
        least = min(least, w.in_service()); print(i, s.progress, s.reason, w.in_service())
        if s.progress is not Progress.WORKING: break
        w.settle(); least = min(least, w.in_service())
    assert least == 3
