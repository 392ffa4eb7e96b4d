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
import functools, re, sys, threading
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID, serialize
from moto.s3.responses import S3Response
from moto.server import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
put, one_at_a_time = S3Response.put_object, threading.Lock()
def put_object(self):
    with one_at_a_time:  # S3 answers `If-None-Match: *` atomically; moto looks first and puts later
        return put(self)
S3Response.put_object = put_object
# Of each object, at each listing.
serialize.parse_to_aware_datetime = functools.cache(serialize.parse_to_aware_datetime)
whole, buckets = create_backend_app("s3"), get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets
def app(environ, start_response):
    '''Reads objects by itself, as most requests do, in a tenth of moto's time.'''
    bucket, _, name = environ["PATH_INFO"].encode("latin-1").decode()[1:].partition("/")
    key = buckets[bucket].keys.get(name) if bucket in buckets else None
    span = re.fullmatch("bytes=([0-9]+)-([0-9]*)|", environ.get("HTTP_RANGE", ""))
    is_plain = environ["REQUEST_METHOD"] == "GET" and not environ["QUERY_STRING"] and "HTTP_IF_MATCH" not in environ
    if not (is_plain and key and span):
        return whole(environ, start_response)
    value = key.value
    headers = [("ETag", key.etag), ("Last-Modified", key.last_modified_RFC1123), ("Accept-Ranges", "bytes")]
    if span[1]:
        first, last = int(span[1]), min(int(span[2] or len(value)), len(value) - 1)
        headers.append(("Content-Range", f"bytes {first}-{last}/{len(value)}"))
        body = value[first:last + 1]
    else:
        body = value
    start_response("206 Partial Content" if span[1] else "200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]
class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"  # a connection is kept
    def log_request(self, *_):
        pass
server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
server.shutdown()
"""

REFUSAL = """
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Refusal(BaseHTTPRequestHandler):
    def do_GET(self):
        error = b"<Code>InvalidAccessKeyId</Code><Message>No such key</Message><Key>nobody</Key>"
        said = b"<?xml version='1.0'?><Error>" + error + b"</Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said if self.command != "HEAD" else b"")
    do_PUT = do_HEAD = do_GET
server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"""


@contextmanager
def object_store(bucket: str) -> Iterator[dict[str, str]]:
    """The environment variables with which a bucket is reached, while the server runs."""
    with _served(SERVER) as variables:
        request = urllib.request.Request(f"{variables['AWS_ENDPOINT_URL']}/{bucket}", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        yield variables


@contextmanager
def refusing_store() -> Iterator[dict[str, str]]:
    """The environment variables with which a store is reached that knows nobody's key."""
    with _served(REFUSAL) as variables:
        yield variables


@contextmanager
def _served(program: str) -> Iterator[dict[str, str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
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
