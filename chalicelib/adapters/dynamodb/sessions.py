"""The SessionStore on DynamoDB: one item per session.

======================================  ===========  =====================
pk                                      sk           item
======================================  ===========  =====================
``{partition}#session/{id}``            ``session``  session
======================================  ===========  =====================

Every write names the version it replaces. ``expires_at`` (epoch seconds) is when DynamoDB may
delete the item: the answer is no longer kept then.
"""

import json
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamodb.table import Item, Key, Table
from chalicelib.dicomweb.negotiation import ResponseFormat
from chalicelib.dicomweb.sessions import PartPlan, SessionState
from chalicelib.dicomweb.store_instances import Tally
from chalicelib.origin.sessions.model import Answer, Framed, Placed, Session, SessionName

KEPT_SECONDS = 7 * 24 * 3600
"""After ``expires``: as long as the staging bucket keeps an answer."""


class DynamoDbSessionStore:
    """Implements `origin.sessions.ports.SessionStore`.

    Parameters
    ----------
    table : Table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, name: SessionName) -> Session | None:
        """Return the session, None when there is none. Raises Unavailable."""
        item = self._table.get(session_key(name))
        return None if item is None else decode_session(name, item)

    def write(self, session: Session) -> Session:
        """Write in place of the version it carries. Raises Conflict, Unavailable."""
        item = encode_session(session)
        self._table.put_version(item, session.version)
        return decode_session(session.name, item | {"version": {"N": str(session.version + 1)}})


def session_key(name: SessionName) -> Key:
    """Return where a session is."""
    return f"{name.partition}#session/{name.identity}", "session"


def encode_session(session: Session) -> Item:
    """Return the session as an item, without its version. What changes with progress is JSON."""
    pk, sk = session_key(session.name)
    ends = datetime.fromisoformat(session.expires).timestamp() + KEPT_SECONDS
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "expires_at": {"N": str(int(ends))},
        "state": {"S": session.state.value},
        "subject": {"S": session.subject},
        "resource": {"S": session.resource},
        "content_type": {"S": session.content_type},
        "form": {"S": session.form.name},
        "size": {"N": str(session.plan.size)},
        "part_bytes": {"N": str(session.plan.part_bytes)},
        "upload_id": {"S": session.upload_id},
        "checksum": {"S": session.checksum},
        "via": {"S": session.via},
        "opened": {"S": session.opened},
        "expires": {"S": session.expires},
        "fence": {"N": str(session.fence)},
        "lease_until": {"S": session.lease_until},
        "attempts": {"N": str(session.attempts)},
        "under_way": {"N": str(session.under_way)},
        "work": {"S": json.dumps(_work_of(session), separators=(",", ":"))},
    }


def _work_of(session: Session) -> dict[str, Any]:
    framed, placed, answer = session.framed, session.placed, session.answer
    tally = placed.tally
    return {
        "framed": [framed.pages, framed.parts, framed.offset, framed.writers],
        "placed": [
            placed.pages,
            placed.parts,
            [tally.stored, tally.warned, tally.failed, tally.transient],
            placed.studies,
        ],
        "answer": [answer.status, answer.headers, answer.size] if answer else None,
    }


def decode_session(name: SessionName, item: Item) -> Session:
    """Return the session of an item made by :func:`encode_session`."""
    work = json.loads(item["work"]["S"])
    pages, parts, offset, writers = work["framed"]
    placed_pages, placed_parts, tally, studies = work["placed"]
    answer = None
    if work["answer"] is not None:
        status, headers, size = work["answer"]
        answer = Answer(status, tuple(map(tuple, headers)), size)
    return Session(
        name=name,
        subject=item["subject"]["S"],
        resource=item["resource"]["S"],
        content_type=item["content_type"]["S"],
        form=ResponseFormat[item["form"]["S"]],
        plan=PartPlan(int(item["size"]["N"]), int(item["part_bytes"]["N"])),
        upload_id=item["upload_id"]["S"],
        opened=item["opened"]["S"],
        expires=item["expires"]["S"],
        via=item["via"]["S"],
        checksum=item["checksum"]["S"],
        state=SessionState(item["state"]["S"]),
        fence=int(item["fence"]["N"]),
        lease_until=item["lease_until"]["S"],
        attempts=int(item["attempts"]["N"]),
        under_way=int(item["under_way"]["N"]),
        framed=Framed(pages, parts, offset, tuple(map(tuple, writers))),
        placed=Placed(placed_pages, placed_parts, Tally(*tally), tuple(studies)),
        answer=answer,
        version=int(item["version"]["N"]),
    )
