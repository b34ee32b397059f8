"""Which commit the models are compared with.

The one that the pull request starts from, so that changes which others made in the meantime are
not taken for its own. What actions/checkout takes by itself is the merge that GitHub made: its
first parent is the base branch, and the difference to that is what merging would change. Any
other checkout is compared with the last commit that it shares with the base.
"""

from __future__ import annotations

import workflow
from git import fetch, fetch_history, git, has, is_shallow, parents


def base_commit() -> str | None:
    """None where there is nothing to compare with; ends the step where it cannot be had."""
    said, request = workflow.given("BASE"), workflow.pull_request()
    if not said and request is None:
        return None
    if not said and request is not None:
        merged = parents("HEAD")
        if len(merged) == 2 and merged[1] == request["head"]["sha"]:
            if not has(merged[0]) and fetch(merged[0]) is None:
                workflow.fail(f"the base {merged[0]} cannot be fetched")
            return merged[0]
    ref = said or f"refs/heads/{request['base']['ref']}"
    if ref.startswith("-"):
        workflow.fail(f"'{ref}' is no base")
    commit = fetch(ref) or git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if commit is None:
        workflow.fail(f"the base '{ref}' cannot be fetched")
    return _shared(ref, commit)


def _shared(ref: str, commit: str) -> str:
    """The last commit that HEAD has with the base; the base itself where there is none."""
    found = git("merge-base", commit, "HEAD")
    if found is None and is_shallow():
        fetch_history(ref, git("rev-parse", "HEAD") or "HEAD")
        found = git("merge-base", commit, "HEAD")
    if found is None:
        workflow.notice(f"HEAD and '{ref}' share no commit: compared with '{ref}' itself")
    return found or commit
