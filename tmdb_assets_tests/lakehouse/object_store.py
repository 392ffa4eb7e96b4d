"""An S3 on loopback, in a process of its own.

What belongs here: starting and stopping it. It must not share our process: the Delta reader may hold Python's lock
while it waits for an answer that Python would have to give.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@contextmanager
def object_store(bucket: str) -> Iterator[dict[str, str]]:
    """The environment variables with which a bucket is reached, while the server runs."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SERVER], stderr=subprocess.DEVNULL, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            request = urllib.request.Request(f"{url}/{bucket}", method="PUT")
            urllib.request.urlopen(request, timeout=30).close()
            yield {
                "AWS_ENDPOINT_URL": url,
                "AWS_ALLOW_HTTP": "true",
                "AWS_ACCESS_KEY_ID": "nobody",
                "AWS_SECRET_ACCESS_KEY": "nothing",
                "AWS_REGION": "us-east-1",
            }
        finally:
            process.stdin.close()
            process.wait(timeout=30)
