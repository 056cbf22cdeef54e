"""Stand-in for the Hugging Face Hub: the part of its HTTP API that downloads, and uploads by Git LFS, need."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.helpers.servers.http_server import running

TOKEN = "hf_standin"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class HubServer:
    """Repositories by id, each a list of commits, each the files by path; uploads need the token."""

    address: str = ""
    commits: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    large_files: dict[str, bytes] = field(default_factory=dict)
    """Files uploaded by LFS, by SHA-256."""
    requests: list[str] = field(default_factory=list)

    def files(self, repository: str) -> dict[str, bytes]:
        """Return the newest files of a repository."""
        return self.commits[repository][-1]

    def commit_id(self, repository: str, number: int = -1) -> str:
        """Return a commit's id: 40 hex digits."""
        count = range(len(self.commits[repository]))[number]
        return hashlib.sha1(f"{repository} {count}".encode()).hexdigest()

    def answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        """Answer a request. `path` has no query."""
        self.requests.append(f"{method} {path}")
        for pattern, wanted, handle in self._routes():
            match = re.fullmatch(pattern, path)
            if match and method in wanted:
                if method in {"POST", "PUT"} and token != f"Bearer {TOKEN}":
                    return _json({"error": "Invalid username or password."}, 401)
                return handle(body, *map(unquote, match.groups()))
        return _json({"error": "Not Found"}, 404)

    def _routes(self) -> list[tuple[str, tuple[str, ...], Callable[..., Answer]]]:
        models = r"/api/models/([^/]+/[^/]+)"
        return [
            (r"/api/repos/create", ("POST",), self._create),
            (r"/api/validate-yaml", ("POST",), lambda body: _json({"errors": [], "warnings": []})),
            (models, ("GET",), self._info),
            (rf"{models}/revision/([^/]+)", ("GET",), self._info),
            (rf"{models}/tree/([^/]+)", ("GET",), self._tree),
            (rf"{models}/preupload/([^/]+)", ("POST",), self._preupload),
            (rf"{models}/commit/([^/]+)", ("POST",), self._commit),
            (r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", ("POST",), self._batch),
            (r"/uploads/([0-9a-f]{64})", ("PUT", "POST"), self._upload),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", ("GET", "HEAD"), self._resolve),
        ]

    def _create(self, body: bytes) -> Answer:
        wanted = json.loads(body)
        repository = f"{wanted['organization']}/{wanted['name']}"
        url = f"{self.address}/{repository}"
        if repository in self.commits:
            return _json({"error": "You already created this model repo", "url": url}, 409)
        self.commits[repository] = [{}]
        if wanted.get("visibility") == "private":
            self.private.add(repository)
        return _json({"url": url})

    def _find(self, repository: str, revision: str) -> tuple[dict[str, bytes], str] | None:
        commits = self.commits.get(repository, [])
        for number in range(len(commits) - 1, -1, -1):
            commit = self.commit_id(repository, number)
            if revision in {commit, "main"}:
                return commits[number], commit
        return None

    def _info(self, _: bytes, repository: str, revision: str = "main") -> Answer:
        found = self._find(repository, revision)
        if found is None:
            code = "RevisionNotFound" if repository in self.commits else "RepoNotFound"
            return _json({"error": "not found"}, 404, {"X-Error-Code": code})
        siblings = [{"rfilename": path} for path in found[0]]
        return _json({"id": repository, "sha": found[1], "private": repository in self.private, "siblings": siblings})

    def _tree(self, _: bytes, repository: str, revision: str) -> Answer:
        found = self._find(repository, revision)
        files = found[0] if found else {}
        return _json(
            [
                {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for path, content in files.items()
            ]
        )

    def _resolve(self, _: bytes, repository: str, revision: str, path: str) -> Answer:
        found = self._find(repository, revision)
        if found is None or path not in found[0]:
            return _json({"error": "not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        content = found[0][path]
        return 200, {"X-Repo-Commit": found[1], "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}, content

    def _preupload(self, body: bytes, repository: str, _: str) -> Answer:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".onnx", ".mar")) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return _json({"files": modes})

    def _batch(self, body: bytes, repository: str) -> Answer:
        objects = [
            {**wanted, "actions": {"upload": {"href": f"{self.address}/uploads/{wanted['oid']}"}}}
            for wanted in json.loads(body)["objects"]
        ]
        return _json({"transfer": "basic", "objects": objects})

    def _upload(self, body: bytes, digest: str) -> Answer:
        if hashlib.sha256(body).hexdigest() != digest:
            return _json({"error": "wrong digest"}, 400)
        self.large_files[digest] = body
        return _json({})

    def _commit(self, body: bytes, repository: str, _: str) -> Answer:
        files = dict(self.files(repository))
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large_files[value["oid"]]
        self.commits[repository].append(files)
        commit = self.commit_id(repository)
        return _json(
            {"success": True, "commitOid": commit, "commitUrl": f"{self.address}/{repository}/commit/{commit}"}
        )


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()


@contextmanager
def running_hub() -> Iterator[HubServer]:
    """Run the hub on a free port of localhost."""
    server = HubServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            # An upload's address is signed on the real hub, and its request has no token.
            is_signed = self.command == "PUT"
            token = f"Bearer {TOKEN}" if is_signed else self.headers.get("Authorization", "")
            status, headers, content = server.answer(self.command, urlsplit(self.path).path, body, token)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with running(Handler) as server.address:
        yield server
