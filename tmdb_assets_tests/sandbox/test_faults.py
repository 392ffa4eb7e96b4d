"""The ways in which the sandbox fails when told to, as a caller meets them."""

from __future__ import annotations

import http.client
from collections import Counter
from email.utils import parsedate_to_datetime
from itertools import pairwise

from tmdb_assets.sandbox.faults import KINDS, Faults
from tmdb_assets_tests.sandbox.running import Running, running

PATH = "/3/genre/movie/list"


def meet(sandbox: Running, path: str) -> str:
    """Which fault a request met, told from the outside only."""
    try:
        reply = sandbox.get(path)
    except http.client.IncompleteRead:
        return "cut"
    except ConnectionError:
        return "reset"
    assert reply.headers["x-sandbox"] == "tmdb_assets"
    html = reply.headers["content-type"].startswith("text/html")
    if reply.status == 429:
        assert reply.json["status_code"] == 25
        wait = reply.headers.get("retry-after")
        if wait is None or wait.isdigit():
            return {None: "limit_bare", "0": "limit_zero", "1": "limit_seconds"}[wait]
        assert parsedate_to_datetime(wait).tzinfo is not None
        return "limit_date"
    if reply.status >= 500:
        assert html
        return f"error_{reply.status}"
    if html:
        return "html"
    return "empty" if not reply.body else "none"


def test_each_kind_arrives_and_they_take_turns() -> None:
    with running("--faults", "1", "--slow", "0.01") as sandbox:
        met = [meet(sandbox, PATH) for _ in range(2 * len(KINDS))]
    slow_is_right_but_late = ["none" if kind == "slow" else kind for kind in KINDS]
    assert met == 2 * slow_is_right_but_late


def test_a_part_of_the_requests_fails_exports_too_and_truth_never() -> None:
    with running("--faults", "0.3", "--slow", "0") as sandbox:
        lists = Counter(meet(sandbox, PATH) for _ in range(150))
        exports = Counter(meet(sandbox, "/p/exports/movie_ids_11_20_2026.json.gz") for _ in range(50))
        truth = Counter(meet(sandbox, "/sandbox/truth") for _ in range(30))
    assert 90 < lists["none"] < 125
    assert 20 < exports["none"] < 45
    assert truth == {"none": 30}


def test_the_sequence_depends_on_the_seed_and_never_fails_twice_in_a_row_below_a_third() -> None:
    sequences = []
    for seed in (1, 1, 2):
        faults = Faults(seed, 0.3)
        sequences.append([faults.next() for _ in range(1000)])
    assert sequences[0] == sequences[1] != sequences[2]
    failed = [kind is not None for kind in sequences[0]]
    assert 290 <= sum(failed) <= 310
    assert not any(first and second for first, second in pairwise(failed))


def test_the_server_survives_its_faults_on_a_kept_connection() -> None:
    with running("--faults", "0.5", "--slow", "0") as sandbox:
        assert Counter(meet(sandbox, PATH) for _ in range(60))["none"] > 20
        assert sandbox.process.poll() is None


def test_the_rate_limit_answers_429_with_a_wait() -> None:
    with running("--rate-limit", "1") as sandbox:
        replies = [sandbox.get(PATH) for _ in range(20)]
    refused = [reply for reply in replies if reply.status == 429]
    assert replies[0].status == 200
    assert refused
    assert {(reply.headers["retry-after"], reply.json["status_code"]) for reply in refused} == {("1", 25)}
