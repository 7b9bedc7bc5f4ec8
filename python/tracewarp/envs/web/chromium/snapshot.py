"""What Chromium says of a page, as a tree of nodes: one accessibility call, one call for the boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tracewarp.envs.web.ids import NodeKey
from tracewarp.envs.web.nodes import Node

Box = tuple[float, float, float, float]


def node_tree(nodes: Sequence[Mapping[str, Any]], boxes: Mapping[int, Box | None], *, document: str) -> Node:
    """Build the tree of `Accessibility.getFullAXTree`.

    A repeated node id keeps its first node, as in WebArena; a node that two parents name hangs under the first. A
    property without a value (a mere list of other nodes) is left out.

    Args:
        nodes: The answer's `nodes`, the root first.
        boxes: `boxes_of` the same moment.
        document: The document's name, for the keys.
    """
    by_id: dict[str, Mapping[str, Any]] = {}
    for described in nodes:
        by_id.setdefault(described["nodeId"], described)
    parts: Counter[int] = Counter()
    first = nodes[0]
    root_key = NodeKey(document, first["backendDOMNodeId"])
    root = _node(first, root_key, boxes.get(root_key.node))
    hung = {first["nodeId"]}
    open_nodes = [(first, root, root_key)]
    while open_nodes:
        described, node, above = open_nodes.pop()
        for child_id in described.get("childIds", ()):
            child = by_id.get(child_id)
            if child is None or child_id in hung or _role(child) == "InlineTextBox":
                continue
            hung.add(child_id)
            key = _key(child, above, parts)
            made = _node(child, key, None if key.part else boxes.get(key.node, _box_within(node, child)))
            node.children.append(made)
            open_nodes.append((child, made, key))
    return root


def boxes_of(snapshot: Mapping[str, Any]) -> dict[int, Box | None]:
    """Return the box of every node of `DOMSnapshot.captureSnapshot`'s main document, by the browser's number.

    Its bounds count from the document's corner; the boxes count from the viewport's. None: the node is not laid out.
    What a style sheet adds (a list's markers too) is None as well: WebArena gets no box for it.
    """
    document = snapshot["documents"][0]
    left, top = document.get("scrollOffsetX", 0.0), document.get("scrollOffsetY", 0.0)
    numbers = document["nodes"]["backendNodeId"]
    added = set(document["nodes"].get("pseudoType", {}).get("index", ()))
    layout = document["layout"]
    boxes: dict[int, Box | None] = dict.fromkeys(numbers)
    for index, (x, y, width, height) in zip(layout["nodeIndex"], layout["bounds"], strict=True):
        if index not in added and boxes[numbers[index]] is None:
            boxes[numbers[index]] = (x - left, y - top, width, height)
    return boxes


def _box_within(node: Node, child: Mapping[str, Any]) -> Box | None:
    """The box of a part of a form's field, which the snapshot leaves out: the text in it is in view when the field is.

    The list of a select is another matter: it is not open.
    """
    return None if _role(child) == "MenuListPopup" else node.rectangle


def _key(described: Mapping[str, Any], above: NodeKey, parts: Counter[int]) -> NodeKey:
    """What stands for no node of the document is counted within the node above: its own number changes every time."""
    number = described.get("backendDOMNodeId")
    if number is not None:
        return NodeKey(above.document, number)
    parts[above.node] += 1
    return NodeKey(above.document, above.node, parts[above.node])


def _node(described: Mapping[str, Any], key: NodeKey, box: Box | None) -> Node:
    return Node(
        key,
        _role(described),
        described.get("name", {}).get("value"),
        tuple((p["name"], p["value"]["value"]) for p in described.get("properties", ()) if "value" in p["value"]),
        ignored=described["ignored"],
        rectangle=box,
    )


def _role(described: Mapping[str, Any]) -> str:
    return str(described.get("role", {}).get("value", "none"))
