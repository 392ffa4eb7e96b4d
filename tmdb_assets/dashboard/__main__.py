"""`make dashboard`: Streamlit over app.py, with what the first visit would wait for done before it comes.

What belongs here: starting. What does not: how it is served (.streamlit/config.toml beside it), what is shown (app.py).
Options are those of `streamlit run`.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path

try:
    from click.exceptions import ClickException, Exit
    from streamlit import config
    from streamlit.web import bootstrap, cli
except ModuleNotFoundError as error:
    sys.exit(
        f"tmdb_assets: the dashboard cannot start: {error.name} is not installed; `make dashboard` installs it, and "
        f"without make `pip install altair click streamlit xlsxwriter`, the extra `dashboard`, does."
    )

#: What Streamlit itself imports when it draws a table.
LATE = "pandas"
APP = str(Path(__file__).with_name("app.py"))


def warm_up() -> None:
    """Draw the first page for nobody, so that the first visitor finds its answers and the libraries that draw them."""
    logging.disable(logging.CRITICAL)  # Streamlit would say of every element that nobody looks at it
    try:
        import_module(LATE)
        import_module("tmdb_assets.dashboard.app").show("")
    finally:
        logging.disable(logging.NOTSET)


def take_options(words: list[str]) -> None:
    """Let Streamlit know its options before it is used: else it finds, once it starts, that they have changed since,
    and asks to be started again."""
    config._main_script_path = APP  # as `streamlit run` does: it reads the options in the folder of the script
    try:
        options = cli.main_run.make_context("streamlit run", [APP, *words]).params
    except Exit as done:  # --help has been answered
        sys.exit(done.exit_code)
    except ClickException as error:
        sys.exit(
            f"tmdb_assets: {error.format_message().rstrip('.')}: options are those of `streamlit run`, such as "
            f"--server.port=8502."
        )
    bootstrap.load_config_options({name: value for name, value in options.items() if name not in {"target", "args"}})


if __name__ == "__main__":
    take_options(sys.argv[1:])
    warm_up()
    sys.exit(cli.main(["run", APP, *sys.argv[1:]], prog_name="streamlit"))
