"""The only door to HTTP: a client that paces, retries, caches and redacts, and the walk through a source's pages.

No other room imports requests.
"""

from tmdb_assets.lakehouse.http.client import Http
from tmdb_assets.lakehouse.http.exchange import (
    Answer,
    CacheUnusable,
    EndpointStats,
    HttpError,
    RefusedRequest,
    Request,
    SourceUnavailable,
    Unauthorized,
)
from tmdb_assets.lakehouse.http.redaction import redact

__all__ = [
    "Answer",
    "CacheUnusable",
    "EndpointStats",
    "Http",
    "HttpError",
    "RefusedRequest",
    "Request",
    "SourceUnavailable",
    "Unauthorized",
    "redact",
]
