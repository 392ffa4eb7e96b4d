"""What is said when an address does not answer as TMDB does: the setting it comes from, and what it probably lacks."""

from __future__ import annotations

import datetime as dt

import pytest

from tmdb_assets.lakehouse.calendar import Clock
from tmdb_assets.lakehouse.http import Http, HttpError, Request
from tmdb_assets.settings import load_settings
from tmdb_assets.sources.tmdb import raw
from tmdb_assets.sources.tmdb.addresses import wrong_export_address
from tmdb_assets_tests.faulty_server import FaultyServer, Reply, json_reply

DAY = dt.date(2026, 3, 10)
GONE = json_reply({"success": False, "status_code": 34, "status_message": "Not here."}, 404)
PAGE = Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
NOBODY = "http://127.0.0.1:1"  # refuses every connection


def said(http: Http, endpoint: str = "genre/movie/list") -> str:
    """The sentence that the first question to an address ends with."""
    http._max_attempts, http._max_wait = 2, 0.01
    with http, pytest.raises(HttpError) as raised:
        http.get(Request(endpoint), endpoint=endpoint)
    return str(raised.value)


def tmdb(**settings: str) -> raw.Tmdb:
    return raw.Tmdb(
        load_settings(_env_file=None, tmdb_api_token="t0ken", **settings), Clock(DAY), None, lambda line: None
    )


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("", "check TMDB_API_URL, which probably lacks /3 at its end."),
        ("/tmdb", "check TMDB_API_URL, which probably lacks /3 at its end."),
        ("/4/3", "check TMDB_API_URL."),
    ],
)
@pytest.mark.parametrize("reply", [GONE, Reply(404, b"<html>nginx</html>"), PAGE], ids=["json", "html", "a page"])
def test_an_api_that_is_not_there_names_its_setting(reply: Reply, path: str, hint: str) -> None:
    with FaultyServer(lambda seen: reply) as server:
        sentence = said(tmdb(tmdb_api_url=f"{server.url}{path}").api)
    assert sentence.startswith(f"genre/movie/list: {server.url}{path}/genre/movie/list ")
    assert sentence.endswith(f": {hint}")


@pytest.mark.parametrize("host", [NOBODY, "http://no-such-host.invalid"])
def test_hosts_that_do_not_answer_name_their_settings(host: str) -> None:
    client = tmdb(tmdb_api_url=f"{host}/3", tmdb_export_url=f"{host}/p/exports")
    api, files = said(client.api), said(client.files)
    why = "ConnectionRefusedError" if host == NOBODY else "unknown host"
    assert api.endswith(f"the last one brought a failed connection ({why}): check TMDB_API_URL.")
    assert files.endswith(f"the last one brought a failed connection ({why}): check TMDB_EXPORT_URL.")


def test_an_address_that_has_answered_is_not_doubted() -> None:
    replies = iter([json_reply({"genres": []}), GONE, Reply(503, b"")])
    with FaultyServer(lambda seen: next(replies, Reply(503, b""))) as server:
        api = tmdb(tmdb_api_url=server.url).api
        api.get(Request("genre/movie/list"), endpoint="genre/movie/list")
        with pytest.raises(HttpError, match=r"HTTP 404 \(34: Not here\)\.$"):
            api.get(Request("movie/1"), endpoint="movie/{id}")
        assert said(api).endswith("the last one brought HTTP 503.")


def test_an_outage_is_no_wrong_address() -> None:
    with FaultyServer(lambda seen: Reply(503, b"")) as server:
        assert said(tmdb(tmdb_api_url=server.url).api).endswith("the last one brought HTTP 503.")


def test_a_folder_without_any_export_names_the_setting() -> None:
    sentence = wrong_export_address("http://me:pa55@host/p", DAY, 3)
    assert sentence == (
        "exports/movie_ids: http://***@host/p has no ID export of 2026-03-10 nor of the 3 days before it, which "
        "TMDB keeps for about 90 days: check TMDB_EXPORT_URL, the folder in which movie_ids_MM_DD_YYYY.json.gz lie."
    )
