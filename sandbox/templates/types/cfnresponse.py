"""Send the answer of a custom resource's function to CloudFormation.

CloudFormation puts this file beside inline code that imports it; it has nothing of the sandbox.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: dict[str, Any],
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Answer a custom resource's request. An answer that can't be sent is printed, and not raised."""
    where = f"See the details in CloudWatch Log Stream: {context.log_stream_name}"
    answer = json.dumps(
        {
            "Status": responseStatus,
            "Reason": reason or where,
            "PhysicalResourceId": physicalResourceId or context.log_stream_name,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "NoEcho": noEcho,
            "Data": responseData,
        }
    )
    print("Response body:")
    print(answer)
    # A presigned URL is signed without a content type.
    headers = {"content-type": "", "content-length": str(len(answer.encode()))}
    request = urllib.request.Request(event["ResponseURL"], answer.encode(), headers, method="PUT")
    try:
        with urllib.request.urlopen(request) as response:
            print("Status code:", response.status)
    except Exception as error:
        print("send(..) failed executing the request:", error)
