"""Whether the door's answers are true: what it lists must be held, object and record."""

import json
import re
from typing import Any

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def judge(outcomes: list[dict[str, Any]], held: dict[str, Any]) -> str:
    """Say whether all listed instances are held, object and record, and none is unaccounted for.

    Parameters
    ----------
    outcomes : list
        What `bench.door.outcome` returned for each request.
    held : dict
        What `RunningStandIn.held` returned after them.
    """
    objects = {uid for key in held["objects"].get("bench", []) for uid in _UID.findall(key)}
    records = set(_UID.findall(json.dumps(held["items"].get("bench", []))))
    listed = [uid for answer in outcomes for uid in answer["listed"]]
    failed = [uid for answer in outcomes for uid in answer["failed"]]
    untrue = [uid for uid in listed if uid not in objects or uid not in records]
    silent = sum(sorted(a["listed"] + a["failed"]) != sorted(a["sent"]) for a in outcomes)
    verdict = f"WRONG: {len(untrue)} listed, not held; {silent} answers incomplete"
    if not untrue and not silent:
        verdict = "true"
    statuses = ", ".join(sorted({str(answer["status"]) for answer in outcomes}))
    return f"{verdict} ({len(listed)} listed, {len(failed)} failed, status {statuses})"
