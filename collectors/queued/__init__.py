"""Collecting with many machines: a run hands pieces of itself out through a queue in the database.

`tasks` lists the jobs, `handing_out` is the run's side of a piece, `helping` the side of who does it,
`worker` the process around both. Without it the same pieces run in the process of the run.
"""
