"""GitHub and GitLab as a pipeline asks them: comments, merged pull requests, kept plans.

Only what their API documents say of these requests; what a pipeline must not do is refused.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "job-token-5f2c81"
LIMIT = 65_536
BOT = {"login": "github-actions[bot]", "type": "Bot"}
PERSON = {"login": "anna", "type": "User"}


class CodeHost:
    """A server with one project, `office/roles` or 7, and what happened to its comments."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.writes: list[tuple[str, str]] = []
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.artefacts: list[dict[str, Any]] = []
        self.newest = "b" * 40
        self.permitted = True
        self.failing: int | None = None
        self.url = ""

    def github(self, **more: str) -> dict[str, str]:
        """The variables of a job on GitHub, for pull request 3."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "office/roles",
            "GITHUB_SHA": "b" * 40,
            "GITHUB_REF": "refs/pull/3/merge",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_RUN_ID": "4711",
            "GH_TOKEN": TOKEN,
            **more,
        }

    def gitlab(self, **more: str) -> dict[str, str]:
        """The variables of a job on GitLab, for merge request 3."""
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": self.url,
            "CI_PROJECT_ID": "7",
            "CI_COMMIT_SHA": "b" * 40,
            "CI_MERGE_REQUEST_IID": "3",
            "CI_MERGE_REQUEST_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7",
            "RECONCILER_COMMENT_TOKEN": TOKEN,
            **more,
        }

    def keep(self, name: str, run: int, head: str, **more: Any) -> None:
        """Keep an artefact of a run."""
        run_of = {"id": run, "head_sha": head, "repository_id": 1, "head_repository_id": 1}
        run_of |= {key: more.pop(key) for key in list(more) if key in run_of}
        self.artefacts.append({"name": name, "expired": False, "workflow_run": run_of, **more})

    def merge(self, number: int, head: str, commit: str, *also: str) -> None:
        """Merge a pull request, which makes a commit; `also` are others that it brings."""
        pull = {
            "number": number,
            "head": {"sha": head},
            "merged_at": "2026-11-24T09:00:00Z",
            "merge_commit_sha": commit,
        }
        for each in (commit, *also):
            self.pulls.setdefault(each, []).append(pull)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Answer a request that was let in."""
        if self.failing is not None:
            return self.failing, {"message": "Server Error"}
        for verb, pattern, do in self._routes():
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                return do(found, query, body)
        return 404, {"message": "Not Found"}

    def _routes(self) -> Any:
        github, gitlab = r"/repos/office/roles", r"/projects/7"
        return (
            ("GET", rf"{github}/issues/3/comments", self._listed),
            ("POST", rf"{github}/issues/3/comments", self._made),
            ("PATCH", rf"{github}/issues/comments/(\d+)", self._renewed),
            ("GET", rf"{github}/commits/(\w+)/pulls", self._pulls_of),
            ("GET", rf"{github}/actions/artifacts", self._kept),
            ("GET", rf"{github}/commits", self._commits),
            ("GET", rf"{gitlab}/repository/commits", self._commits),
            ("GET", r"/user", lambda *_: (200, {"id": 99, "username": "project_7_bot"})),
            ("GET", rf"{gitlab}/merge_requests/3/notes", self._listed),
            ("POST", rf"{gitlab}/merge_requests/3/notes", self._made),
            ("PUT", rf"{gitlab}/merge_requests/3/notes/(\d+)", self._renewed),
        )

    def _listed(self, _found: Any, query: dict[str, str], _body: Any) -> tuple[int, Any]:
        size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
        return 200, self.comments[(page - 1) * size : page * size]

    def _made(self, _found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        if not self.permitted:
            return 403, {"message": "Resource not accessible by integration"}
        if len(body["body"]) > LIMIT:
            return 422, {"message": "Validation Failed"}
        self.say(body["body"], BOT)
        self.writes.append(("made", str(self.comments[-1]["id"])))
        return 201, self.comments[-1]

    def _renewed(self, found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        (comment,) = [each for each in self.comments if each["id"] == int(found[1])]
        comment["body"] = body["body"]
        self.writes.append(("renewed", found[1]))
        return 200, comment

    def _pulls_of(self, found: Any, _query: Any, _body: Any) -> tuple[int, Any]:
        return 200, self.pulls.get(found[1], [])

    def _commits(self, _found: Any, query: dict[str, str], _body: Any) -> tuple[int, Any]:
        assert query == {"per_page": "1"}, "without a branch it is the default one"
        return 200, [{"sha": self.newest, "id": self.newest}]

    def _kept(self, _found: Any, query: dict[str, str], _body: Any) -> tuple[int, Any]:
        named = [each for each in self.artefacts if each["name"] == query["name"]]
        return 200, {"total_count": len(named), "artifacts": named}

    def say(self, text: str, user: dict[str, str] = PERSON) -> None:
        """Write a comment, as somebody."""
        author = {"id": 99 if user is BOT else 5}
        number = len(self.comments) + 17
        self.comments.append({"id": number, "body": text, "user": user, "author": author})


@contextmanager
def code_host() -> Iterator[CodeHost]:
    """Serve a host of code for as long as the block lasts."""
    host = CodeHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                status, document = host.answer(self.command, parts.path, query, body)
            else:
                status, document = 401, {"message": "Bad credentials"}
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
