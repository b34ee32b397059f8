"""Keep one comment on the pull request up to date.

It is known by a hidden line. It is written when a model first changes, edited in place from then
on, and says so when nothing differs any more. Where the token may not write, as in a pull
request from a fork, the report stands in the summary of the job.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import github_api
import workflow

LONGEST = 65_535
_CUT = "\n\n*Cut here: a comment holds no more.*\n"


def step() -> int:
    """A comment that cannot be written fails nothing."""
    if not workflow.given("REPORT"):
        return 0
    report = Path(workflow.given("REPORT")).read_text(encoding="utf-8").strip()
    request = workflow.pull_request()
    if request is None or not workflow.wanted("COMMENT"):
        _summarize(report)
        return 0
    try:
        url = _keep(request["number"], report)
    except github_api.Refused as refused:
        workflow.notice(
            f"the token may not comment ({refused}): the report is in the summary of the job. "
            "A workflow needs 'pull-requests: write'; pull requests from forks do not get it."
        )
        _summarize(report)
    except github_api.Failed as failed:
        workflow.notice(f"no comment: {failed}; the report is in the summary of the job", "warning")
        _summarize(report)
    else:
        if url is not None:
            workflow.output("url", url)
    return 0


def _summarize(report: str) -> None:
    if report:
        workflow.summary(report + _footer())


def _marker() -> str:
    """The hidden line; what a key might end it with is taken out."""
    key = "".join(c for c in workflow.given("COMMENT_KEY") if c.isalnum() or c in "-_./ ")
    return f"<!-- convspec diff: {key} -->" if key else "<!-- convspec diff -->"


def _footer() -> str:
    head = workflow.pull_request()
    commit = head["head"]["sha"] if head is not None else workflow.given("GITHUB_SHA")
    return f"\n\n<sub>{commit[:10]} compared with {workflow.given('COMPARED')} by convspec</sub>\n"


def _body(report: str) -> str:
    said = report or "No model differs any more."
    room = LONGEST - len(_marker()) - len(_footer()) - 1
    if len(said) > room:
        said = said[: room - len(_CUT)] + _CUT
    return f"{_marker()}\n{said}{_footer()}"


def _keep(number: int, report: str) -> str | None:
    """Write, edit or leave the comment; its address where there is one."""
    repository = workflow.given("GITHUB_REPOSITORY")
    old = _ours(repository, number)
    body = _body(report)
    if not old:
        if not report:
            return None
        made = call_for_comment("POST", f"/repos/{repository}/issues/{number}/comments", body)
        return str(made["html_url"])
    first, *others = old
    for other in others:  # two runs at once wrote one each
        github_api.call("DELETE", f"/repos/{repository}/issues/comments/{other['id']}")
    if first["body"].replace("\r\n", "\n").strip() == body.strip():
        return str(first["html_url"])
    path = f"/repos/{repository}/issues/comments/{first['id']}"
    return str(call_for_comment("PATCH", path, body)["html_url"])


def call_for_comment(method: str, path: str, body: str) -> dict[str, Any]:
    """The comment that was written."""
    made: dict[str, Any] = github_api.call(method, path, {"body": body})
    return made


def _ours(repository: str, number: int) -> list[dict[str, Any]]:
    """The comments with the hidden line; not those of somebody who copied it."""
    marked = [
        comment
        for comment in github_api.comments(repository, number)
        if (comment.get("body") or "").startswith(_marker())
    ]
    if not marked:
        return []
    mine = github_api.login()
    return [
        comment
        for comment in marked
        # Of an account that is gone there is no user.
        if (user := comment["user"]) and (user["login"] == mine if mine else user["type"] == "Bot")
    ]
