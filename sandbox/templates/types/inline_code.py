"""Inline code of functions as the package that CloudFormation makes of it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

_CFN_RESPONSE = Path(__file__).with_name("cfnresponse.py")
#: Only this form of the import brings the module:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
_IMPORT = re.compile(r"^\s*import\s+cfnresponse\b", re.MULTILINE)
#: All zips of the same code have the same hash: so the same code is the same version.
_WHEN = (1980, 1, 1, 0, 0, 0)


def package(source: str) -> bytes:
    """A zip with the source as `index.py`, and the module cfnresponse beside it where the source imports it."""
    files = {"index.py": source.encode()}
    if _IMPORT.search(source):
        files["cfnresponse.py"] = _CFN_RESPONSE.read_bytes()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return content.getvalue()
