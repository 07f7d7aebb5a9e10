"""The statement's section on store sessions, our extension: what of it a test proves.

Belongs here: the resources of ``docs/sessions.md`` and what the extension promises. Must not be
here: status codes and limits, which stand in the tables of all codes and limits (``codes``).
"""

from dataclasses import dataclass

from infra.conformance.markdown import code, table
from infra.conformance.proof import Proof


@dataclass(frozen=True, slots=True)
class Step:
    """A request of the extension; ``session:{claim}`` is what a test proves of it."""

    claim: str
    method: str
    path: str
    meaning: str
    answers: str


_ONE = "/sessions/{session}"
STEPS = (
    Step("open", "POST", "/sessions", "Open a session for one Store request", "201"),
    Step("urls", "POST", f"{_ONE}/urls", "Presigned URLs of up to 100 parts", "200"),
    Step("part", "PUT", "a presigned URL", "One part of the payload, to Amazon S3", "200 of S3"),
    Step("complete", "POST", f"{_ONE}/complete", "All parts are there: store them", "202"),
    Step("state", "GET", _ONE, "How far it is; the parts that arrived", "200"),
    Step(
        "response",
        "GET",
        f"{_ONE}/response",
        "The answer of the Store request",
        "that of Store; 404 before",
    ),
    Step(
        "large-response",
        "GET",
        f"{_ONE}/response",
        "An answer that is larger than the gateway takes",
        "303 to a presigned URL",
    ),
    Step("cancel", "DELETE", _ONE, "Give an open session up", "200"),
)

PROMISES = {
    "same-answer": "Status, header fields and module are those that `POST` of the same payload "
    "would have given.",
    "same-instances": "Objects, their metadata, records, events and the rules of sameness are "
    "those of `POST`.",
    "refused-early": "What a Store request would be refused for before its payload is read is "
    "refused when the session is opened, with the same status.",
    "broken-payload": "Of a payload whose framing or checksum is wrong nothing is stored.",
    "checksums": "Length and SHA-256 of each part are signed with its URL; the checksum of the "
    "whole is compared before anything is stored.",
    "resumes": "Parts may be sent in any order and again; a worker that dies is followed by one "
    "that goes on where it stopped.",
    "subject": "A session belongs to the subject that opened it and to its partition; to anybody "
    "else it is 404.",
}
"""What a test proves as ``session:{name}``."""


def sessions(proof: Proof) -> str:
    """Return the extension's requests and promises, as far as they are proven."""
    rows = [
        (one.method, code(one.path) if one.path[0] == "/" else one.path, one.meaning, one.answers)
        for one in STEPS
        if proof.shows(f"session:{one.claim}")
    ]
    told = [text for name, text in PROMISES.items() if proof.shows(f"session:{name}")]
    requests = table(("Method", "Resource", "Meaning", "Answers"), rows, none="None is supported.")
    return "\n\n".join((requests, "\n".join(f"- {text}" for text in told))).strip()
