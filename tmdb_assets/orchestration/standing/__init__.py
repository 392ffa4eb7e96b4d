"""How things stand, read from what is kept anyway: the lake's own accounts and Dagster's storage.

lake.py    per source and day what was asked, what came, how good it is; how much room is taken; what upkeep is due
runs.py    runs, checks, schedules and daemons, as Dagster's storage has them: a run that crashed is there too
whole.py   both at one moment, each part by itself: what cannot be read is said, and takes no other part with it
"""
