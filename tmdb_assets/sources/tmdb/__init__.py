"""The Movie Database: one film catalogue, observed every day.

    discover pages ──┐                                        ┌─ dim_date ─────────────────┐
    ID export ───────┼─ raw ─┬─ clean/movie_stats ────────────┼────────────────────────────┼─ fact_movie_daily
    changes feed ────┤       │                                │                            │
    reference lists ─┤       ├─ clean/movies ──┬─ dim_genre … dim_person, dim_country ─┬─ dim_movie ─ bridge_movie_*
    film details ────┘       └─ clean/movie_tombstones ───────────────────────────────┘

    raw/extraction_ledger   what was asked and what came, for every raw table
    clean/quarantine        rows and values that broke a contract, from every table
    star/fact_*_quality     what each day of each table is like, profiled when all of them stand
    star/dim_cpi            consumer prices by year, from tmdb_assets/reference alone

A table is called the same everywhere: contract in contracts.py, function in raw.py, clean.py or star.py, asset key
and folder `tmdb/<stage>/<name>`.
"""
