"""The few calls of GitHub's REST interface that a comment takes."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import workflow

TRIES = 3
REFUSED = (401, 403, 404)
"""A token without the permission, such as that of a pull request from a fork."""
_PAGE = 100


class Refused(Exception):
    """The token does not allow it."""


class Failed(Exception):
    """The server does not answer as it should."""


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer as data; ``Refused`` or ``Failed``. A server in trouble is asked again."""
    url = f"{workflow.given('GITHUB_API_URL')}{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    request.add_header("Authorization", f"Bearer {workflow.given('TOKEN')}")
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("X-GitHub-Api-Version", "2022-11-28")
    if data is not None:
        request.add_header("Content-Type", "application/json")
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code in REFUSED:
                raise Refused(f"{method} {path}: {error.code}") from None
            if error.code < 500 or attempt == TRIES - 1:
                raise Failed(f"{method} {path}: {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if attempt == TRIES - 1:
                raise Failed(f"{method} {path}: {error}") from None
        time.sleep(2**attempt)
    raise AssertionError("the last try returns or raises")


def comments(repository: str, number: int) -> Iterator[dict[str, Any]]:
    """Every comment of a pull request, the oldest first."""
    page = 1
    while True:
        query = f"?per_page={_PAGE}&page={page}"
        found = call("GET", f"/repos/{repository}/issues/{number}/comments{query}")
        yield from found
        if len(found) < _PAGE:
            return
        page += 1


def login() -> str | None:
    """Whose token this is; the token of a workflow may not ask, and writes as a bot."""
    try:
        found: str = call("GET", "/user")["login"]
    except Refused:
        return None
    return found
