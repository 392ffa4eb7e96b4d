"""Streamflow: what a streaming service says about its subscribers, one folder of six CSV files a month.

    STREAMFLOW_DROPS/2024-01/        clean: as dropped             star                          views
      users.csv             ─┐        ┌─ users_snapshots ───────┬─┬─ users ─┐
      subscriptions.csv     ─┤        ├─ subscriptions_snapshots┤ ├─ …      │ live: as last known
      usage_agg_30d.csv     ─┼─ raw/ ─┼─ usage_agg_30d_snapshots┤ ├─ …      │
      payments_agg_90d.csv  ─┤  drop_ ├─ payments_agg_90d_snaps…┤ ├─ …      │
      support_agg_90d.csv   ─┤  files ├─ support_agg_90d_snaps… ┤ ├─ …      │
      labels.csv            ─┘        └─ labels_snapshots ──────┤ └─ labels ┘
                                                                └─── user_months ───────────┬─ vw_churn_by_*
                                                                       │                    └─ vw_churner_profile
                                                                       └─ training_set ─────── vw_feature_drift

    raw/extraction_ledger ─┐ what a drop promised (files, a line per user) and what came
    clean/quarantine ──────┼ rows that broke a contract, from every table ──────────────────── vw_quarantine_rules
    star/fact_*_quality ───┤ each month of each snapshot profiled: columns, rows, how its checks end
    views/vw_feature_drift ┴────────────────────────────────────────────────────────────────── vw_checks

A partition is a month, `2024-01`; its rows carry the month's last day, `as_of`, since a drop says how things stood
then.

Two lines are drawn. A *structural* fault makes a drop something else than six lists of the same users: a file missing,
too many, or not to be read, not UTF-8, another header, a line that is cut or has too many or too few values, a user
without an id, twice, or in one file only, or a file of which most rows, or most values of a column, break a rule. Such
a drop stops at the door with file, line and column; what was published before stays. A *value* that breaks a rule is
set aside in the quarantine, alone where it may be unknown (hours watched), with its row where it may not (a fee below
0), and the month goes on: received = kept + quarantined. A value is what a cell plainly says, however it is spelled
(`TRUE`, `true`, `1`).

A sound drop is not always believed: one without users, a correction that takes away most users or most values of a
column, a month without most users of the month before stop at the door too, unless TMDB_ASSETS_ALLOW_MASS_DELETE lets
them through.

Every drop is kept in raw as it came, also the ones that a later drop of the month corrected (`drop_number`). Snapshots
follow the newest drop of their month; each correction is a Delta version that says how many rows it added, changed and
removed. Live tables hold the newest state of every user ever kept, whatever the order in which months arrive: a user
who is no longer in a later month stays as last known, and `as_of` says since when.
"""
