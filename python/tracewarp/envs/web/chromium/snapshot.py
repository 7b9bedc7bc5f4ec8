"""What Chromium says of a page, as a tree of nodes: one accessibility call, one call for the boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tracewarp.envs.web.ids import NodeKey
from tracewarp.envs.web.nodes import Node

Box = tuple[float, float, float, float]

_FRAME = "Iframe"


def holds_frames(nodes: Iterable[Mapping[str, Any]]) -> bool:
    """Is there a frame among the answer's nodes?"""
    return any(_role(described) == _FRAME for described in nodes)


def node_tree(
    nodes: Sequence[Mapping[str, Any]],
    boxes: Mapping[int, Box | None],
    *,
    document: str,
    frames: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
) -> Node:
    """Build the tree of `Accessibility.getFullAXTree`.

    A repeated node id keeps its first node, as in WebArena; a node that two parents name hangs under the first. A
    property without a value (a mere list of other nodes) is left out.

    Args:
        nodes: The answer's `nodes`, the root first.
        boxes: `boxes_of` the same moment.
        document: The document's name, for the keys.
        frames: The `nodes` of inner frames, by the number of the element that holds each: what stands under their
            root hangs under that element.
    """
    root = _document_tree(nodes, boxes, document)
    inner = dict(frames or {})
    open_nodes = [root] if inner else []
    while open_nodes:
        node = open_nodes.pop()
        if node.role == _FRAME and isinstance(node.key, NodeKey) and node.key.node in inner:
            node.children += _document_tree(inner.pop(node.key.node), boxes, document).children
        open_nodes += node.children
    return root


def _document_tree(nodes: Sequence[Mapping[str, Any]], boxes: Mapping[int, Box | None], document: str) -> Node:
    by_id: dict[str, Mapping[str, Any]] = {}
    for described in nodes:
        by_id.setdefault(described["nodeId"], described)
    parts: Counter[int] = Counter()
    first = nodes[0]
    root_key = NodeKey(document, first["backendDOMNodeId"])
    root = _node(first, root_key, boxes.get(root_key.node))
    hung = {first["nodeId"]}
    open_nodes: list[tuple[Mapping[str, Any], Node, NodeKey, Box | None]] = [(first, root, root_key, None)]
    while open_nodes:
        described, node, above, select = open_nodes.pop()
        for child_id in described.get("childIds", ()):
            child = by_id.get(child_id)
            if child is None or child_id in hung or _role(child) == "InlineTextBox":
                continue
            hung.add(child_id)
            key = _key(child, above, parts)
            made = _node(child, key, None if key.part else boxes.get(key.node, _box_within(node, child)))
            if made.rectangle is None and made.role == "option" and ("selected", True) in made.properties:
                made.rectangle = select  # what a closed select shows is its chosen option
            node.children.append(made)
            inside = made.rectangle if made.role == "combobox" else select
            open_nodes.append((child, made, key, inside))
    return root


def boxes_of(snapshot: Mapping[str, Any]) -> dict[int, Box | None]:
    """Return the box of every node of `DOMSnapshot.captureSnapshot`, by the browser's number.

    Its bounds count from the corner of each document; the boxes count from the viewport's. None: the node is not laid
    out, or lies outside of the frame that holds it. What a style sheet adds (a list's markers too) is None as well:
    WebArena gets no box for it.
    """
    boxes: dict[int, Box | None] = {}
    documents = snapshot["documents"]
    open_documents: list[tuple[int, Box | None]] = [(0, None)]
    while open_documents:
        number, frame = open_documents.pop()
        document = documents[number]
        numbers = document["nodes"]["backendNodeId"]
        boxes |= _boxes_in(document, frame)
        holders = document["nodes"].get("contentDocumentIndex", {"index": (), "value": ()})
        for index, inner in zip(holders["index"], holders["value"], strict=True):
            held = boxes[numbers[index]]
            if held is not None:
                open_documents.append((inner, held))
    return boxes


def _boxes_in(document: Mapping[str, Any], frame: Box | None) -> dict[int, Box | None]:
    """The boxes of one document's nodes.

    Args:
        document: Of the snapshot.
        frame: The box of the element that holds the document; None: it is the page itself.
    """
    left, top = document.get("scrollOffsetX", 0.0), document.get("scrollOffsetY", 0.0)
    if frame is not None:
        left, top = left - frame[0], top - frame[1]
    numbers = document["nodes"]["backendNodeId"]
    added = set(document["nodes"].get("pseudoType", {}).get("index", ()))
    layout = document["layout"]
    boxes: dict[int, Box | None] = dict.fromkeys(numbers)
    for index, (x, y, width, height) in zip(layout["nodeIndex"], layout["bounds"], strict=True):
        box = (x - left, y - top, width, height)
        if index not in added and boxes[numbers[index]] is None and (frame is None or _meet(box, frame)):
            boxes[numbers[index]] = box
    return boxes


def _meet(first: Box, second: Box) -> bool:
    return all(
        first[axis] < second[axis] + second[axis + 2] and second[axis] < first[axis] + first[axis + 2]
        for axis in (0, 1)
    )


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
