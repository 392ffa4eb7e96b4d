"""The stand-in for the project's sources, reached over HTTP only: `python -m tmdb_assets.sandbox`.

    __main__.py   the command line
    server.py     one ASGI application and one process: paths, days, limits, life and death
    answers.py    the seam every source implements: a Request in, an Answer out
    habits.py     a bad habit, and the dice that say when it strikes (`--wild`)
    faults.py     the ways in which a real API fails, on purpose
    tmdb/         The Movie Database: a synthetic catalogue, or recorded answers; calm, or as it is (`--wild`)
    moovitamix/   the music API: tracks, users, listening history; calm or wild
    streamflow/   invented subscribers, written as monthly CSV drops (`drops`) rather than served; calm or wild

What belongs here: imitations of what the real systems do, quirks included, computed from a seed. What does not: any
real film, person or figure, and anything of the package but its settings. Nobody imports this package. A further source
is a further folder with one `Site`, added to the list in __main__.py.
"""
