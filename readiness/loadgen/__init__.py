"""The load generator: a process of its own (`python -m readiness.loadgen`), the only place that knows Locust and gevent.

It reads a plan as one line of JSON from its standard input, sends requests at the times the plan intends, whatever the
answers do, and leaves every arrival with its three times in `samples.bin.gz`. The modules `arrivals`, `join`, `plan` and
`samples` are plain Python and may be imported anywhere; the others patch the process through gevent.
"""
