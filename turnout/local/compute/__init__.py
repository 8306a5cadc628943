"""Runs what was deployed to Lambda as real processes.

    fleet       all pools, and the retirement of those nobody uses
    pool        the workers of one version
    process     one worker, seen from outside;  worker: the program inside it
    functions   name and qualifier to the version the embedded AWS holds
    code        its zip, unpacked once for each digest;  environment: its variables
    answers     what an invocation comes to, faults included

A worker takes one call at a time, as on AWS.
"""
