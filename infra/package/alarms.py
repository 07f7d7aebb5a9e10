"""What wakes an operator: one alarm for each thing that heals by no retry.

Belongs here: which alarms there are, made from the template's own queues and functions, so that
none is forgotten. ``docs/operations.md`` says what each means; a test compares the names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.origin import metrics
from chalicelib.telemetry import NAMESPACE, SERVICE

QUEUE = "AWS::SQS::Queue"
FUNCTION = "AWS::Serverless::Function"
API_FUNCTION = "APIHandler"
OLD_MESSAGE_SECONDS = 3600
"""Age at which a message has outlived several attempts."""
NEAR_THE_LIMIT = 0.8
"""Share of its timeout that a function may take."""
UNHURRIED = frozenset({"IngestSessions"})
"""Functions that work until their time is up and leave the rest to their next call."""
_PERIOD = 300

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: it goes off as soon as a metric is above a number in one period."""

    name: str
    namespace: str
    metric: str
    dimensions: dict[str, Any]
    above: float
    statistic: str
    says: str

    def resource(self) -> Document:
        """Return the alarm as CloudFormation has it."""
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{self.name}"},
                "AlarmDescription": self.says,
                "Namespace": self.namespace,
                "MetricName": self.metric,
                "Dimensions": [
                    {"Name": name, "Value": value} for name, value in self.dimensions.items()
                ],
                "Statistic": self.statistic,
                "Period": _PERIOD,
                "EvaluationPeriods": 1,
                "ComparisonOperator": "GreaterThanThreshold",
                "Threshold": self.above,
                "TreatMissingData": "notBreaching",
                "AlarmActions": {
                    "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
                },
            },
        }


def alarms_of(document: Document) -> list[Alarm]:
    """Return the alarms that a template needs."""
    resources = document["Resources"]
    return [*_of_queues(resources), *_of_functions(resources), *_of_the_api(), *_of_the_product()]


def add_alarms(document: Document) -> None:
    """Add the alarms to a template."""
    for alarm in alarms_of(document):
        logical_id = "".join(word.capitalize() for word in alarm.name.split("-")) + "Alarm"
        document["Resources"][logical_id] = alarm.resource()


def _of_queues(resources: Document) -> Iterator[Alarm]:
    queues = {name: one for name, one in resources.items() if one["Type"] == QUEUE}
    for logical_id, queue in queues.items():
        name = queue["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${Name}-")
        dimensions = {"QueueName": {"Fn::GetAtt": [logical_id, "QueueName"]}}
        if "RedrivePolicy" in queue["Properties"]:
            metric, above = "ApproximateAgeOfOldestMessage", OLD_MESSAGE_SECONDS
            name, says = f"{name}-is-behind", "a message waits for more than an hour"
        else:
            metric, above = "ApproximateNumberOfMessagesVisible", 0
            name, says = f"{name}-is-not-empty", "a message was given up on after all attempts"
        yield Alarm(name, "AWS/SQS", metric, dimensions, above, "Maximum", says)


def _of_functions(resources: Document) -> Iterator[Alarm]:
    for logical_id, one in resources.items():
        if one["Type"] == FUNCTION and logical_id not in UNHURRIED:
            yield Alarm(
                name=f"{_words(logical_id)}-is-slow",
                namespace="AWS/Lambda",
                metric="Duration",
                dimensions={"FunctionName": {"Ref": logical_id}},
                above=one["Properties"]["Timeout"] * 1000 * NEAR_THE_LIMIT,
                statistic="Maximum",
                says="a call took more than four fifths of its time",
            )


def _words(logical_id: str) -> str:
    """Return ``validate-instances`` of ``ValidateInstances``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", logical_id).lower()


def _of_the_api() -> Iterator[Alarm]:
    api = {"ApiName": "stowage", "Stage": "api"}
    says = "a request was answered with 5xx"
    yield Alarm("api-fails", "AWS/ApiGateway", "5XXError", api, 0, "Sum", says)
    function = {"FunctionName": {"Ref": API_FUNCTION}}
    says = "the account's concurrency is used up"
    yield Alarm("api-is-throttled", "AWS/Lambda", "Throttles", function, 0, "Sum", says)


def _of_the_product() -> Iterator[Alarm]:
    for name, metric, says in (
        ("study-in-conflict", metrics.STUDIES_IN_CONFLICT, "instances of a study disagree"),
        ("reconcile-repairs", metrics.INSTANCES_RECONCILED, "an instance was left half done"),
        ("events-are-lost", metrics.EVENTS_NOT_SENT, "the bus did not take an event"),
    ):
        yield Alarm(name, NAMESPACE, metric, {"service": SERVICE}, 0, "Sum", says)
