"""Names of the metrics the functions count, in one place for code, alarms and documents."""

INSTANCES_STORED = "InstancesStored"
INSTANCES_RESENT = "InstancesResent"
INSTANCES_FAILED = "InstancesFailed"
REQUESTS_REFUSED = "RequestsRefused"
EVENTS_NOT_SENT = "EventsNotSent"
INSTANCES_VALIDATED = "InstancesValidated"
FINDINGS = "Findings"
INSTANCES_INDEXED = "InstancesIndexed"
STUDIES_IN_CONFLICT = "StudiesInConflict"
INSTANCES_RECONCILED = "InstancesReconciled"
MESSAGES_SPLIT = "MessagesSplit"
MESSAGES_FAILED = "MessagesFailed"
EVENTS_CONSUMED = "EventsConsumed"

OF_WARNINGS = {"message split": MESSAGES_SPLIT, "message failed": MESSAGES_FAILED}
"""Metrics that count a warning's lines, by the warning."""
