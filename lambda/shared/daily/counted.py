"""Metrics of what happens at Daily, each in a line of its own: an alarm is about one of them, whatever was answered."""

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from shared.daily.settings import DailySettings

KEY_REFUSED = "DailyKeyRefused"
"""Daily didn't take the API key: nobody can start a call until the operator puts a valid one into the secret."""

ROOM_DELETED = "RoomsDeleted"

ROOM_LEFT = "RoomsLeft"
"""A room that should be gone couldn't be deleted: the sweep's work."""


def count(name: str, *, daily: DailySettings, times: int = 1) -> None:
    """Add to a metric with the dimensions `service` and `deployment`, which is what the deployment's rooms begin with.

    An alarm matches a metric's dimensions exactly, and those of a request's own metrics depend on its answer.
    """
    with single_metric(name=name, unit=MetricUnit.Count, value=times) as metric:
        metric.add_dimension(name="deployment", value=daily.room_prefix)
