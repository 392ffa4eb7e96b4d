"""The command line and the life of the process."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tmdb_assets_tests.sandbox.running import COMMAND, PROJECT, running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with running() as sandbox:
        sandbox.json("/3/configuration")
        sandbox.process.send_signal(number)
        assert sandbox.process.wait(timeout=10) == 0


def test_it_ends_with_its_stdin_even_while_answering() -> None:
    with running("--latency", "0.2") as sandbox:
        assert sandbox.process.stdin is not None
        sandbox.json("/3/configuration")
        sandbox.process.stdin.close()
        assert sandbox.process.wait(timeout=10) == 0


def test_serve_may_be_written_out_and_stdout_has_one_line() -> None:
    with subprocess.Popen(
        [*COMMAND, "serve", "--films", "50", "--exit-with-stdin"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith(b'{"sandbox": "tmdb_assets"')
        process.stdin.close()
        assert process.stdout.read() == b""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 is not loopback"),
        (["--films", "many"], "many is not a number"),
        (["--faults", "1.5"], "1.5 is not a number from 0 to 1"),
        (["--move", "0.5"], "0.5 is not a number from 0 to 0.4"),
        (["--changes", "some"], "some is not a number from 0 to 100000"),
        (["--lasting", "0"], "0 is not a number from 1"),
        (["--today", "yesterday"], "yesterday is not a day"),
        (["--today", "2019-01-01"], "2019-01-01 is before 2020-01-01"),
        (["--movies", "/nowhere/films.jsonl"], "The file /nowhere/films.jsonl cannot be read"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(options: list[str], said: str) -> None:
    run = subprocess.run([*COMMAND, *options], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"), [("{broken", "is not JSON"), ('{"id": "5"}', "is not a film"), ("[]", "is not a film")]
)
def test_a_broken_recording_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "films.jsonl"
    file.write_text('{"id": 1}\n' + line + "\n")
    run = subprocess.run(
        [*COMMAND, "--movies", str(file)], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False
    )
    assert run.returncode == 2
    assert f"{file}, line 2, {said}" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_port_in_use_is_said_in_one_line() -> None:
    with running() as sandbox:
        port = sandbox.url.rsplit(":", 1)[1]
        run = subprocess.run(
            [*COMMAND, "--port", port], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False
        )
    assert run.returncode == 2
    assert f"port {port} cannot be served" in run.stderr
    assert run.stderr.count("\n") == 1
