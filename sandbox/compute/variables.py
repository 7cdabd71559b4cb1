"""The environment variables of a function, as Lambda defines them."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.compute.contract import EnvironmentSpec


def variables(
    spec: EnvironmentSpec, address: str, *, task: str, runtime: str, layers: str, moved: Mapping[str, str]
) -> dict[str, str]:
    """The environment variables of a function: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

    Its own come after those that it may set and before those that are reserved. `moved` tells where /tmp and /opt are
    when they are not there.
    """
    changeable = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:{layers}/bin",
        "LD_LIBRARY_PATH": ":".join(
            (
                *("/var/lang/lib", "/lib64", "/usr/lib64", runtime, f"{runtime}/lib", task, f"{task}/lib"),
                f"{layers}/lib",
            )
        ),
        "PYTHONPATH": runtime,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "AWS_EC2_METADATA_DISABLED": "true",
        **moved,
    }
    reserved = {
        "_HANDLER": spec.handler,
        "_LAMBDA_TELEMETRY_LOG_FD": "4",
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_REGION": spec.region,
        "AWS_ENDPOINT_URL": spec.endpoint_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        "AWS_LAMBDA_RUNTIME_API": address,
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": runtime,
    }
    if spec.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level
    return {**changeable, **spec.variables, **spec.credentials, **reserved}
