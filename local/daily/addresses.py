"""Where the stand-in is, and by which variables functions and agents are told so."""

from pathlib import Path
from typing import Final

SDK_DIRECTORY: Final = Path(__file__).parent / "sdk"
"""What has to stand first on the path of a program, for its `import daily` to mean the stand-in."""


def daily_url(endpoint: str) -> str:
    """Return the stand-in's base URL at a server's address: what everything of it lies below."""
    return f"{endpoint}/daily"


def api_url(base_url: str) -> str:
    """Return the URL of the REST API, in place of https://api.daily.co/v1."""
    return f"{base_url}/v1"


def function_environment(base_url: str) -> dict[str, str]:
    """Return what a function is told, in the variable that it also has for Daily's own addresses."""
    return {"DAILY_API_URL": api_url(base_url)}


def agent_environment(base_url: str) -> dict[str, str]:
    """Return what an agent is told: the stand-in's `daily` module in place of the native one, and that module's hub."""
    return {"DAILY_STAND_IN_URL": base_url, "PYTHONPATH": str(SDK_DIRECTORY)}
