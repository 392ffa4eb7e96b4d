"""The music API of the sandbox: tracks, users and their listening history, seeded and evolving by the day.

    api.py       paths, pages, errors, and the restart that changes nearly every id
    world.py     who listens to what, computed from a seed and a day
    habits.py    the bad habits of such APIs, and how often each strikes (`--wild`)
    wild.py      which answers a habit changes, and how
    spelling.py  one row in other words that mean the same, rows that cannot be read, rows that are none

What belongs here: an imitation of the API's habits, its quirks included. What does not: any real person, track or
artist; a likeness is chance.
"""
