"""The other peer of benchmark p.: the films of a day as many a script loads them, with requests, pandas and cron.

python by_hand.py API_URL TOKEN FOLDER
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

APPENDED = "credits,keywords,external_ids,release_dates"


def main(url: str, token: str, folder: Path) -> None:
    """Lists, details eight at a time, one Parquet file of films and one for each nested list."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    retries = Retry(total=10, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504])
    session.mount("http://", HTTPAdapter(max_retries=retries, pool_maxsize=8))

    def ask(path: str, **params: str | int) -> Any:
        answer = session.get(f"{url}{path}", params=params, timeout=30)
        answer.raise_for_status()
        return answer.json()

    pages = [ask("discover/movie", sort_by="popularity.desc", page=1)]
    pages += [ask("discover/movie", sort_by="popularity.desc", page=n) for n in range(2, pages[0]["total_pages"] + 1)]
    listed = pd.DataFrame([row for page in pages for row in page["results"]])
    with ThreadPoolExecutor(8) as pool:
        films = list(pool.map(lambda i: ask(f"movie/{i}", append_to_response=APPENDED), listed["id"]))
    folder.mkdir(parents=True, exist_ok=True)
    nested = ["genres", "production_companies", "production_countries", "spoken_languages"]
    for name in nested:
        pd.json_normalize(films, name, "id", record_prefix=f"{name}_").to_parquet(folder / f"{name}.parquet")
    for part in ("cast", "crew"):
        pd.json_normalize(films, ["credits", part], "id", record_prefix=f"{part}_").to_parquet(
            folder / f"{part}.parquet"
        )
    pd.DataFrame(films).drop(columns=[*nested, "credits", "keywords"]).to_parquet(folder / "movies.parquet")
    listed.to_parquet(folder / "listed.parquet")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
