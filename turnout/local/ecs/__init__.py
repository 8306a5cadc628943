"""ECS with real processes for tasks: what the embedded ECS was told to run, run on this machine behind the local load balancer.

    model        what a service keeps beside what moto knows: deployments, service deployments, revisions
    deploying    what begins, completes, fails and rolls back a deployment, and what the API then shows
    rolling      pure: how many tasks to start and which to stop;  breaker: when a deployment has failed
    scheduler    looks at every service again and again
    care         one look at one service;  tasks: a task as the API shows it;  running: the life of one
    container    what is started for an image;  secrets: its secrets;  process, keeper: the process itself
    targets      its place in the target groups
    events       what EventBridge is told

`turnout/local/corrections/ecs.py` lets the API write here. The API's threads and
the data plane's loop meet in `model.LOCK`.
"""
