"""The daily report: one HTML file a day that anybody can open, anywhere.

warehouse ──► past.py      the same views as of a day that is not the newest
              answers.py   what a day has to tell
                └─► page.py   the same in words, which page.html.j2 makes HTML that needs nothing else
              assets.py    the files, as an asset in Dagster with a partition a day
"""
