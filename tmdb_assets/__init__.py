"""A film lakehouse: The Movie Database, observed every day, kept honestly, answered in SQL.

    sources            lake (versioned Delta tables)                       answers
    TMDB ──────────►   raw ──► clean ──► star ──► views                    SQL · Dagster
    (or the sandbox)   as it   typed,    dim_*    one question
                       came    audited   fact_*   each
                         │        │
                       ledger  quarantine

Sources live under sources/, one folder each; what they share under lakehouse/ and orchestration/; Dagster starts at
definitions.py.
"""
