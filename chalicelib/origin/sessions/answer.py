"""The final answer of a session: what the small door would have said, written where it is read.

A body that is no body of a Store request is answered by a problem, everything else by the Store
Instances Response Module. Outcomes are read page by page, once for each sequence of the module.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from chalicelib.dicomweb.errors import RequestError
from chalicelib.dicomweb.problem import problem_response
from chalicelib.dicomweb.response_encoding import encode_module
from chalicelib.dicomweb.store_instances import Outcome, status_of_tally
from chalicelib.origin.answering import RETRY_AFTER_SECONDS, answer_headers
from chalicelib.origin.sessions.model import Answer, Session
from chalicelib.origin.sessions.ports import Staging
from chalicelib.origin.sessions.tables import decode_outcomes


def write_module(session: Session, staging: Staging, *, base_uri: str, explain: bool) -> Answer:
    """Write the module of a session that is placed. Raises Unavailable, KeyError."""
    pages = _Pages(session, staging)
    module = encode_module(pages.read, session.form, explain=explain)
    status = status_of_tally(session.placed.tally)
    headers = answer_headers(
        status,
        session.placed.studies,
        form=session.form,
        base_uri=base_uri,
        partition=session.name.partition,
    )
    encoded = (piece.encode() for piece in module)
    size = staging.write(session.answer_key, encoded, session.form.content_type)
    return Answer(int(status), headers, size)


def write_problem(session: Session, staging: Staging, error: RequestError) -> Answer:
    """Write the answer of a session that stored nothing. Raises Unavailable."""
    response = problem_response(error, session.name.identity)
    content = response.body.encode()
    kind = dict(response.headers)["Content-Type"]
    staging.write(session.answer_key, [content], kind)
    headers = response.headers
    if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers = (*headers, ("Retry-After", str(RETRY_AFTER_SECONDS)))
    return Answer(response.status, headers, len(content))


class _Pages:
    """The outcomes of all pages in order; the last page read is kept."""

    def __init__(self, session: Session, staging: Staging) -> None:
        self._name = session.name
        self._count = session.placed.pages
        self._staging = staging
        self._kept: tuple[int, Sequence[Outcome]] = (-1, ())

    def read(self) -> Iterator[Outcome]:
        for page in range(self._count):
            if self._kept[0] != page:
                self._kept = page, self._outcomes(page)
            yield from self._kept[1]

    def _outcomes(self, page: int) -> Sequence[Outcome]:
        key = self._name.outcomes_key(page)
        content = self._staging.get(key)
        if content is None:
            raise KeyError(key)
        return decode_outcomes(content)[0]
