"""The part of GitHub's REST interface that comments are kept with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass
class FakeGitHub:
    """Comments of pull request 7 of nets/models, and what was asked."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    may_write: bool = True
    user: str | None = None
    """Whose token it is; None for a workflow's own, which may not ask."""
    troubles: int = 0
    """How many requests fail before one is answered."""
    mumbles: int = 0
    """How many are answered with what is no JSON."""
    url: str = ""

    def add(self, body: str, user: dict[str, str] | None = BOT) -> dict[str, Any]:
        number = max([c["id"] for c in self.comments], default=0) + 1
        address = f"https://github.invalid/nets/models/pull/7#issuecomment-{number}"
        made = {"id": number, "body": body, "user": user, "html_url": address}
        self.comments.append(made)
        return made

    def answer(self, method: str, target: str, body: dict[str, Any], token: str) -> tuple[int, Any]:
        if self.troubles:
            self.troubles -= 1
            return 502, {}
        assert token == "Bearer a-token"
        parts = urlsplit(target)
        if (method, parts.path) == ("GET", "/user"):
            return (200, {"login": self.user}) if self.user else (403, {})
        if method == "GET":
            assert parts.path == "/repos/nets/models/issues/7/comments"
            query = parse_qs(parts.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[size * (page - 1) : size * page]
        if not self.may_write:
            return 403, {"message": "Resource not accessible by integration"}
        self.writes.append(method)
        if method == "POST":
            assert parts.path == "/repos/nets/models/issues/7/comments"
            assert len(body["body"]) <= 65_535
            return 201, self.add(body["body"])
        found = re.fullmatch(r"/repos/nets/models/issues/comments/(\d+)", parts.path)
        assert found is not None
        (comment,) = [c for c in self.comments if c["id"] == int(found[1])]
        if method == "DELETE":
            self.comments.remove(comment)
            return 204, None
        assert method == "PATCH"
        comment["body"] = body["body"]
        return 200, comment


@contextmanager
def serving(github: FakeGitHub) -> Iterator[FakeGitHub]:
    """The interface at ``github.url``."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size)) if size else {}
            token = self.headers["Authorization"]
            code, data = github.answer(self.command, self.path, body, token)
            text = b"" if data is None else json.dumps(data).encode()
            if github.mumbles:
                github.mumbles, text = github.mumbles - 1, b"<html>"
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
