"""The steps of a run, each a function: what scripts call, and what the command line calls.

`reading` has no way to write to a site; only `applying` does (design, promise 1).
"""
