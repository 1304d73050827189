"""What a pipeline asks of its host: its own comment on a pull request, and what was reviewed.

host        which host that is, as the variables of the pipeline say, and how its API is asked
comment     the one comment on a pull request that each run writes anew
newest      whether a job's commit is still the newest one of the default branch
reviewed    which run made the plan that was reviewed before a merge
"""
