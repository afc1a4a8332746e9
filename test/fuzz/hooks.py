"""Takes out of the document the parameters whose good values only the service itself can give."""

import schemathesis

GIVEN_BY_US = {"cursor", "since", "Idempotency-Key", "Last-Event-ID"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path in raw_schema["paths"].values():
        for operation in path.values():
            operation["parameters"] = [
                parameter
                for parameter in operation.get("parameters", [])
                if parameter.get("name", parameter.get("$ref", "").split("/")[-1]) not in GIVEN_BY_US
            ]
