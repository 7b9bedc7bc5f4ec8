"""Pages on 127.0.0.1 for tests of drivers: written in the test, served to a real browser, every request noted."""

import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest


class Site:
    """A server. `pages` maps a path to markup, or to (status, headers, body); `requests` tells what was asked."""

    def __init__(self, pages):
        self.pages = pages
        self.requests = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                path = urlsplit(self.path).path
                site.requests.append((self.command, self.headers["Host"], self.path, self.headers.get("Cookie"), body))
                answer = site.pages.get(path, (404, {}, "<title>Not found</title>"))
                status, headers, text = answer if isinstance(answer, tuple) else (200, {}, answer)
                headers = {"Content-Type": "text/html; charset=utf-8"} | headers
                time.sleep(float(headers.pop("Delay", 0)))
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text.encode())
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the browser has lost its patience, as it should

            do_POST = do_GET

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a connection that the browser reset

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def asked(self, path):
        """How often a path was asked for."""
        return sum(urlsplit(request[2]).path == path for request in self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def serving(pages):
    site = Site(pages if isinstance(pages, dict) else {"/": pages})
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def served():
    """`with served(pages) as site`."""
    return serving


@pytest.fixture
def site():
    """`site(pages)`, up until the test ends; markup alone is the page `/`."""
    with ExitStack() as stack:
        yield lambda pages: stack.enter_context(serving(pages))


@pytest.fixture(scope="module")
def browser(chromium_path):
    """A running Chromium for pages on disk."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()
