"""The function's one look at its environment, taken once; a wrong deployment fails here with every mistake named."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.daily.settings import DailySettings, read_daily
from shared.environment import Reader
from shared.runtime import RuntimeTarget, read_runtime


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided; `call_table_name` is empty where no phone calls are placed."""

    runtime: RuntimeTarget
    daily: DailySettings
    call_table_name: str
    call_table_region: str
    dynamodb_url: str


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    read = Reader(environ=environ)
    region = read.text("AWS_REGION", pattern="[a-z0-9-]{1,32}", allowed="a region's name, which Lambda sets")
    settings = Settings(
        runtime=read_runtime(read=read),
        daily=read_daily(read=read),
        call_table_name=read.text(
            "SWITCHBOARD_CALL_TABLE_NAME", pattern="([A-Za-z0-9_.-]{3,255})?", allowed="a DynamoDB table's name"
        ),
        call_table_region=region,
        dynamodb_url=read.endpoint("DynamoDB", host_prefix="dynamodb", region=region),
    )
    read.raise_problems()
    return settings
