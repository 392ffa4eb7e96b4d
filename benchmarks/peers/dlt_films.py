"""The peer of benchmark p.: the films of a day as somebody who knows dlt would load them, in an environment of its own.

    python dlt_films.py API_URL TOKEN BUCKET_URL

Lists and small lists are a REST API source, details a resource that depends on the list and is asked for in parallel;
everything is appended as Parquet, and who reads it takes the newest load. How often a request is tried and how many are
under way is configuration (RUNTIME__REQUEST_MAX_ATTEMPTS, EXTRACT__WORKERS), as dlt has it.
"""

from __future__ import annotations

import sys
from typing import Any

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

BY_POPULARITY = {"sort_by": "popularity.desc", "include_adult": "false", "include_video": "false"}
APPENDED = "credits,keywords,external_ids,release_dates"


def films(url: str, token: str) -> Any:
    """The source: what is listed, the details of each film listed, three small lists."""
    pages = {"type": "page_number", "base_page": 1, "total_path": "total_pages"}
    config: RESTAPIConfig = {
        "client": {"base_url": url, "auth": {"type": "bearer", "token": token}, "paginator": "single_page"},
        "resource_defaults": {"write_disposition": "append"},
        "resources": [
            {
                "name": "listed_movies",
                "endpoint": {
                    "path": "discover/movie",
                    "params": BY_POPULARITY,
                    "paginator": pages,
                    "data_selector": "results",
                },
            },
            {
                "name": "movies",
                "parallelized": True,
                "endpoint": {
                    "path": "movie/{resources.listed_movies.id}",
                    "params": {"append_to_response": APPENDED},
                    "data_selector": "$",
                },
            },
            {"name": "genres", "endpoint": {"path": "genre/movie/list", "data_selector": "genres"}},
            {"name": "countries", "endpoint": {"path": "configuration/countries"}},
            {"name": "languages", "endpoint": {"path": "configuration/languages"}},
        ],
    }
    return rest_api_source(config, name="tmdb")


if __name__ == "__main__":
    api_url, token, bucket_url = sys.argv[1:]
    pipeline = dlt.pipeline("films", destination=dlt.destinations.filesystem(bucket_url), dataset_name="tmdb")
    print(pipeline.run(films(api_url, token), loader_file_format="parquet"))
