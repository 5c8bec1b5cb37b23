"""A server on this machine that speaks as much of Weights & Biases' protocol as its library asks for a file.

Queries are answered by their names; documents have the shape that the library's own models demand, or it
refuses them. The manifest of the artifact is the one that the library makes of local files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import wandb

KEY = "0123456789" * 4
PROJECT = {"id": "UHJvamVjdA==", "internalId": "UHJvamVjdA==", "name": "proj", "entity": {"name": "team"}}
COLLECTION = {"__typename": "ArtifactSequence", "name": "outputs", "project": PROJECT}
VIEWER = {
    "id": "VXNlcg==", "entity": "team", "username": "somebody", "email": "", "flags": "{}",
    "teams": {"edges": []},
}  # fmt: skip
RUN = {
    "id": "UnVu",
    "name": "r1u2n3",
    "displayName": "evaluation",
    "state": "finished",
    "commit": "4f2c91a0",
    "config": json.dumps({"lr": {"value": 0.1}, "_wandb": {"value": {}}, "depth": {"value": 4}}),
    "summaryMetrics": "{}",
    "historyKeys": None,
    "createdAt": "2026-03-01T10:00:00",
    "heartbeatAt": "2026-03-01T10:10:00",
    "tags": [],
    "user": {"name": "somebody", "username": "somebody"},
}


class Server:
    """What it holds, and what it was asked.

    Attributes:
        files: Path in the artifact -> bytes.
        url: Where it is.
        asked: Names of queries and paths of files, in order.
        run: Whether a run logged the artifact.
    """

    def __init__(self, files: Mapping[str, bytes], folder: Path) -> None:
        self.files, self.folder = dict(files), folder
        self.url, self.run = "", True
        self.asked: list[str] = []

    def manifest(self) -> dict[str, Any]:
        """The manifest that the library makes of the files."""
        made = wandb.Artifact("outputs", type="dataset")
        for path, content in self.files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            made.add_file(str(place), name=path)
        document: dict[str, Any] = made.manifest.to_manifest_json()
        for entry in document["contents"].values():
            entry.pop("local_path", None)
            entry["birthArtifactID"] = "QXJ0aWZhY3Q="
        return document

    def answer(self, name: str, variables: Mapping[str, Any]) -> Any:
        """The data of one query; None for one that is not known."""
        there = variables.get("name") in {"outputs:v3", "outputs:latest"}
        maker = {"__typename": "Run", "id": RUN["id"], "name": RUN["name"], "project": PROJECT}
        manifest = {"currentManifest": {"file": {"directUrl": f"{self.url}/manifest.json"}}}
        known: dict[str, Any] = {
            "Viewer": {"viewer": VIEWER},
            "GetDefaultEntity": {"viewer": VIEWER},
            "ServerFeaturesQuery": {"serverInfo": {"features": []}},
            "ArtifactMembershipByName": {
                "project": {"artifactCollectionMembership": self.membership() if there else None}
            },
            "FetchArtifactManifest": {"artifact": manifest},
            "ArtifactCreatedBy": {"artifact": {"createdBy": maker if self.run else None}},
            "Run": {"project": {**PROJECT, "run": {**RUN, "projectId": "1", "project": PROJECT}}},
        }
        return known.get(name)

    def membership(self) -> dict[str, Any]:
        """The artifact as a member of its collection."""
        made = {"versionIndex": 3, "createdAt": "2026-03-01T10:00:00"}
        artifact = {
            "__typename": "Artifact", "id": "QXJ0aWZhY3Q=", "artifactSequence": COLLECTION, **made,
            "artifactType": {"name": "dataset"}, "description": None, "metadata": "{}", "tags": [],
            "ttlDurationSeconds": -1, "ttlIsInherited": True, "historyStep": None, "state": "COMMITTED",
            "size": sum(len(one) for one in self.files.values()), "fileCount": len(self.files),
            "digest": "d", "digestAlgorithm": "MANIFEST_MD5", "commitHash": "c", "updatedAt": None,
        }  # fmt: skip
        member = {"__typename": "ArtifactCollectionMembership", "id": "TQ==", "aliases": [], **made}
        return {**member, "artifactCollection": COLLECTION, "artifact": artifact}

    def content(self, path: str) -> bytes | None:
        """A file by its address: the manifest, or the one whose MD5 stands in it."""
        if path == "/manifest.json":
            return json.dumps(self.manifest()).encode()
        by_hash = {md5(one, usedforsecurity=False).hexdigest(): one for one in self.files.values()}
        return next((by_hash[part] for part in path.split("/") if part in by_hash), None)


@contextmanager
def serving(files: Mapping[str, bytes], folder: Path) -> Iterator[Server]:
    """A running server.

    Args:
        files: Path in the artifact -> bytes.
        folder: Where the files are put for the library to make a manifest of them.
    """
    held = Server(files, folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            named = re.search(r"query\s+(\w+)", asked["query"])
            name = named[1] if named else ""
            held.asked.append(name)
            data = held.answer(name, asked.get("variables") or {})
            error = [] if data is not None else [{"message": f"unknown query {name}"}]
            self._send(json.dumps({"data": data, **({"errors": error} if error else {})}).encode())

        def do_GET(self) -> None:
            held.asked.append(self.path)
            content = held.content(self.path)
            if content is None:
                self.send_error(404)
            else:
                self._send(content)

        def _send(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
