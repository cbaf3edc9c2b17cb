"""Lambda layers: what of them ministack unpacks for a function on this machine."""

from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.cloudformation.resource_type import Properties
from local.layer_packages import ForeignCodeError, without_foreign_packages


def correct_layers() -> None:
    """Leave out packages for another machine, and refuse a layer of a stack whose packages nothing here stands in for.

    A layer that came another way is refused when a function with it is first invoked.
    """
    resolve_layer_zip = lambda_svc._resolve_layer_zip
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::LayerVersion"]
    create, delete = handlers["create"], handlers["delete"]

    def resolved(attachment: Any) -> bytes | None:
        archive = resolve_layer_zip(attachment)
        try:
            return without_foreign_packages(archive) if archive else archive
        except ForeignCodeError as error:
            raise RuntimeError(str(error)) from error

    def created(logical_id: str, properties: Properties, stack_name: str) -> Any:
        arn, attributes = create(logical_id, properties, stack_name)
        try:
            resolved(arn)
        except RuntimeError:
            delete(arn, properties)
            raise
        return arn, attributes

    lambda_svc._resolve_layer_zip = resolved
    handlers["create"] = created
