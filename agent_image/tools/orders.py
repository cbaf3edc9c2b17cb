"""A tool: looks an order up, in a small order book that stands where your system's API goes."""

from pathlib import Path

from pipecat.services.llm_service import FunctionCallParams
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Order(BaseModel):
    """One order; `expected` is the date of its delivery (ISO 8601), None where there will be none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    order_number: str = Field(pattern=r"^[0-9]{1,10}$")
    item: str = Field(min_length=1)
    status: str = Field(min_length=1)
    expected: str | None = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


def load_orders(path: Path) -> dict[str, Order]:
    """The orders of a JSON file, by their number. Raises `ValueError` with what is wrong, and where."""
    try:
        orders = TypeAdapter(list[Order]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path.name} is no order book; correct it: {error}") from error
    by_number = {order.order_number: order for order in orders}
    if len(by_number) < len(orders):
        raise ValueError(f"{path.name}: got the same order_number twice; give each order its own")
    return by_number


_ORDERS = load_orders(Path(__file__).with_name("orders.json"))


async def find_order(params: FunctionCallParams, order_number: str) -> None:
    """Find an order: what it is, where it is, and when it will be delivered.

    Args:
        order_number: The number of the order, in digits, such as 5 or 1024.
    """
    # Some models send a number for the string that the schema asks for.
    order = _ORDERS.get(str(order_number).strip())
    if order is None:
        await params.result_callback({"unknown_order": order_number, "advice": "ask the caller for the number again"})
    else:
        await params.result_callback(order.model_dump())
