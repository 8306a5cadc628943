"""EC2 Auto Scaling with real processes for instances: each runs its launch template's user data on this machine, behind the local load balancer.

    model        what a group keeps beside what moto knows: what each instance was launched with, refreshes, activities
    deciding     pure: how many instances to launch and which to terminate
    refreshing   how an instance refresh begins, goes on and ends
    keeper       looks at every group again and again and makes its instances so
    groups       the groups and targets of the embedded AWS, as the keeper reads and writes them
    machine      one instance: its process, its port, its end
    awscli       what `aws` is for the instance

`turnout/local/corrections/autoscaling.py` lets the API write here. The API's threads
and the data plane's loop meet in `model.LOCK`.
"""
