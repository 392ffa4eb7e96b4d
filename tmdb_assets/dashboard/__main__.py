"""`make dashboard`: Streamlit over app.py, with the slow imports of the first visit done before it comes.

What belongs here: starting. What does not: how it is served (.streamlit/config.toml), what is shown (app.py). Options
are those of `streamlit run`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from streamlit.web import cli

#: What a first visit would otherwise wait for: the pages with all they use, and what Streamlit draws tables with.
SLOW = ("tmdb_assets.dashboard.app", "pandas")

if __name__ == "__main__":
    for name in SLOW:
        import_module(name)
    sys.exit(cli.main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="streamlit"))
