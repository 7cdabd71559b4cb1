"""What JupyterLab saves of a notebook: without the views of widgets, which end with their kernel."""

from __future__ import annotations

import html
from typing import Any

from checks.widgets import SAVED_AS, WIDGET_VIEW


def without_widgets(model: dict[str, Any], **_: Any) -> None:
    """Jupyter's `pre_save_hook`: a widget's view is saved as the sentence that stands for it, or not at all.

    A notebook that is opened again would show "Error displaying widget: model not found" in its place. What is open
    in the browser stays as it is.
    """
    notebook = model.get("content")
    if model.get("type") != "notebook" or not isinstance(notebook, dict):
        return
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") == "code":
            cell["outputs"] = [kept for output in cell.get("outputs", []) if (kept := _kept(output)) is not None]


def _kept(output: dict[str, Any]) -> dict[str, Any] | None:
    data = output.get("data", {})
    if WIDGET_VIEW not in data:
        return output
    rest = {kind: content for kind, content in data.items() if kind != WIDGET_VIEW}
    metadata = output.get("metadata", {})
    if text := metadata.get(SAVED_AS):
        rest = {"text/plain": text, "text/html": f"<small>{html.escape(text)}</small>"}
    return {**output, "data": rest} if rest else None
