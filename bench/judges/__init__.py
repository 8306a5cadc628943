"""A simulator of rollouts: our judge and the field's, on the same streams of requests.

`streams` makes what users and releases do, `rollout` plays one rollout at a pace and asks a judge at every pass, `ours` is the product's judge
fed as the product feeds it, `mann_whitney` and `thresholds` are the rivals, `sites` says what is played, `playing` plays it (two processes),
`tables` counts. `python -m bench.judges --runs N --json FILE` is all of it.
"""
