"""Response mappings: paths into a webhook's answer, written to lead fields."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.marketo import values
from sandbox.marketo.fields import Field

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_STEP = re.compile(r"([A-Za-z0-9_:\- ]+)((?:\[\d+\])*)")


def mapped(
    body: str,
    response_type: str,
    mappings: Mapping[str, str],
    fields: Mapping[str, Field],
) -> dict[str, Any]:
    """REST field name → value, for every mapping that can be applied.

    `mappings` is path → SOAP name. A path that leads nowhere, null, an object
    or a list and a value of the wrong type write nothing: Marketo converts
    nothing, and what it does with blanks is unconfirmed.
    """
    content = _parsed(body, response_type)
    by_soap = {field.soap: field for field in fields.values() if field.soap}
    found = {}
    for path, soap in mappings.items():
        field = by_soap.get(soap)
        value = _at(content, path)
        if field is None or value is None or isinstance(value, dict | list):
            continue
        if response_type == "XML":
            value = _from_text(field, value)
        try:
            found[field.name] = values.stored(
                field, value, lenient=False, truncate=True
            )
        except values.ValueRefused:
            continue
    return found


def _from_text(field: Field, value: Any) -> Any:
    # XML has no types, so the text is read as the field needs it.
    if field.type in ("integer", "score", "percent") and value.lstrip("-").isdigit():
        return int(value)
    if field.type == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _parsed(body: str, response_type: str) -> Any:
    try:
        if response_type == "JSON":
            return json.loads(body)
        if response_type == "XML":
            return _of_xml(body)
    except (ValueError, SyntaxError):
        # Not what was announced: nothing can be mapped.
        return None
    return None


def _of_xml(body: str) -> Any:
    # Imported here: few webhooks answer in XML.
    from defusedxml.ElementTree import fromstring

    root = fromstring(body)
    return {root.tag: _of_element(root)}


def _of_element(element: Element) -> Any:
    """Children by name, repeated ones as a list; text when there are none."""
    if not len(element):
        return (element.text or "").strip()
    children: defaultdict[str, list[Any]] = defaultdict(list)
    for child in element:
        children[child.tag].append(_of_element(child))
    return {
        name: found[0] if len(found) == 1 else found for name, found in children.items()
    }


def _at(content: Any, path: str) -> Any:
    """What `orders[0].orderDate` points to, or None.

    Dots go into objects, whole numbers in brackets into lists; nothing else
    exists: no wildcard, no negative index.
    """
    for part in path.split("."):
        step = _STEP.fullmatch(part)
        if step is None or not isinstance(content, dict):
            return None
        content = content.get(step[1])
        for index in re.findall(r"\d+", step[2]):
            if not isinstance(content, list) or int(index) >= len(content):
                return None
            content = content[int(index)]
    return content
