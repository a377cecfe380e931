"""Who is told when an indicator leaves its target or returns to it, when data are stale, and of a month.

`judging` says how everything stands, `wording` what is said of it, `channels` takes it there, `telling`
sees to it that each change is told once, `reports` sends each team's report of a month.
"""
