"""moovitamix: a music API that can only be read whole, observed every day.

    /tracks ─────────┐                                 ┌─ tracks ─────────────┬─ dim_track ── bridge_track_genre ─┐
    /users ──────────┼─ raw/pages ─► layouts, records ─┼─ users ──────────────┼─ dim_user ─── bridge_user_genre ──┤
    /listen_history ─┘   (thin, a day)  (each content  ├─ listen_histories ─┬─┼─ fact_listen          dim_genre ◄─┤
                                         kept once)    ├─ listens ──────────┘ │  dim_date ◄─ changes              │
                                                       ├─ vanished ───────────┘                             vw_* ◄┘
                                                       └─ changes

    raw/extraction_ledger   what was asked and what came
    raw/forgotten           who was forgotten (keyed hashes), so that they do not come back
    clean/quarantine        rows and values that broke a contract

The source has no history and no way to ask for changes: incrementality is ours. A page is kept as its layout (the page
with its rows taken out) and its rows, each content once under its hash; a day is a thin list of pages. The clean tables
say, per day, what is new or changed since the day observed before it, and `vanished` what is gone. The star is computed
from all of that, so that it is the same whatever order the days came in.

Names and e-mails stay in raw and clean; `forget.py` removes one person from all of it, old versions included.
"""
