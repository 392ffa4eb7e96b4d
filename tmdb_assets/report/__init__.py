"""The daily report: one HTML file a day that anybody can open, anywhere.

warehouse ──► answers.py   what the newest day has to tell
                └─► page.py   the same as HTML that needs nothing else
              assets.py    the file, as an asset in Dagster
"""
