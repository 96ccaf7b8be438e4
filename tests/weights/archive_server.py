"""A small HTTP server on this machine that serves one file, well or badly."""

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 9000  # several pieces of a megabyte


class Habits:
    """What the server does, and which ranges it was asked for."""

    def __init__(self, *, ranges=True, status=None, cut_at=None, claimed=None, shift=0):
        self.ranges = ranges
        self.status = status
        self.cut_at = cut_at
        self.claimed = claimed
        self.shift = shift
        self.asked: list[str | None] = []


@contextlib.contextmanager
def serve(habits: Habits) -> Iterator[str]:
    """The address of a file that is served as ``habits`` say."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers["Range"]
            habits.asked.append(wanted)
            if habits.status:
                self.send_error(habits.status)
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
            start = start if habits.ranges else 0
            if start >= len(CONTENT):
                self.send_error(416)
                return
            size = len(CONTENT)
            self.send_response(206 if start else 200)
            if start:
                first = start + habits.shift
                self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
            self.send_header("Content-Length", str(habits.claimed or size - start))
            self.end_headers()
            self.wfile.write(CONTENT[start : habits.cut_at])

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/models/a.tar.gz"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
