"""JavaScript that runs in the page, each a function called with an element (or a text node) as `this`.

Each returns one object: `refused` (why, in words that follow "the element"), `done` (nothing is left to do), or what
is left to do.
"""

from __future__ import annotations

_ELEMENT = """
  if (!this.isConnected) return {refused: "is no longer on the page"};
  if (this.nodeType === Node.DOCUMENT_NODE) return {refused: "is the page itself"};
  let element = this.nodeType === Node.ELEMENT_NODE ? this : this.parentElement || this.getRootNode().host;
  if (!element) return {refused: "has no place on the page"};
"""

_CHOOSE = """
  const choose = option => {
    const select = option.closest("select");
    if (!select || option.matches(":disabled") || select.matches(":disabled")) return {refused: "is disabled"};
    const wanted = select.multiple ? !option.selected : true;
    const changed = option.selected !== wanted;
    option.selected = wanted;
    select.focus();
    if (changed) {
      select.dispatchEvent(new Event("input", {bubbles: true}));
      select.dispatchEvent(new Event("change", {bubbles: true}));
    }
    return {done: true};
  };
"""

_REACH = """
  const boxes = () => {
    let source = this;
    if (this.nodeType !== Node.ELEMENT_NODE) { source = document.createRange(); source.selectNodeContents(this); }
    return [...source.getClientRects()].filter(box => box.width > 0 && box.height > 0);
  };
  const centre = () => {
    const box = boxes()[0];
    if (!box) return null;
    let x = box.x + box.width / 2, y = box.y + box.height / 2, inside = true, open = true;
    // From frame to frame outwards: the pointer counts from the corner of the outermost page.
    for (let view = window, hit = element; ; view = view.parent) {
      const here = x >= 0 && y >= 0 && x < view.innerWidth && y < view.innerHeight;
      const there = here ? view.document.elementFromPoint(x, y) : null;
      inside = inside && here;
      open = open && !!there && (hit.contains(there) || there.contains(hit));
      hit = view.frameElement;
      if (!hit) return {x, y, inside, open};
      const outer = hit.getBoundingClientRect(), style = view.parent.getComputedStyle(hit);
      x += outer.x + hit.clientLeft + parseFloat(style.paddingLeft);
      y += outer.y + hit.clientTop + parseFloat(style.paddingTop);
    }
  };
  const reach = () => {
    let place = centre();
    if (place && !place.open) {
      element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
      place = centre();
    }
    return place && place.inside ? {x: place.x, y: place.y} : null;
  };
"""

CLICK = f"""function () {{{_ELEMENT}{_CHOOSE}{_REACH}
  const option = element.closest("option");
  if (option) return choose(option);
  if (element.matches(":disabled")) return {{refused: "is disabled"}};
  // The list of a select would open outside of the page; its options can be clicked without that, and keys reach it.
  if (element.matches("select") && !element.multiple && element.size <= 1) {{
    element.focus();
    element.click();
    return {{done: true}};
  }}
  if (element.matches("input[type=file]")) return {{refused: "asks for a file, and there is none"}};
  const place = reach();
  if (place) return place;
  // No box in reach of a pointer, as a checkbox that is only drawn by its label: what a keyboard would do.
  element.click();
  return {{done: true}};
}}"""
"""Gives `x`, `y`: where the pointer has to click, in the viewport."""

HOVER = f"""function () {{{_ELEMENT}{_REACH}
  return reach() || {{refused: "cannot be reached by the pointer"}};
}}"""
"""Gives `x`, `y`."""

FOCUS = f"""function () {{{_ELEMENT}
  element.focus();
  return element.getRootNode().activeElement === element ? {{done: true}} : {{refused: "cannot take the focus"}};
}}"""
"""Gives the focus to an element."""

FILL = f"""function (text) {{{_ELEMENT}{_CHOOSE}
  const typed = "text search url tel email password number".split(" ");
  const chosen = "date time month week datetime-local color range".split(" ");
  const fills = candidate => candidate.matches("textarea, select") || candidate.isContentEditable ||
    (candidate.matches("input") && (typed.includes(candidate.type) || chosen.includes(candidate.type)));
  const host = element.getRootNode().host;
  if (host && host.matches("input, textarea")) element = host;
  if (!fills(element)) {{
    const label = element.closest("label");
    const within = [...element.querySelectorAll("input, textarea, select, [contenteditable]")].filter(fills);
    if (label && label.control) element = label.control;
    else if (within.length === 1) element = within[0];
  }}
  if (!fills(element)) return {{refused: "takes no text"}};
  if (element.matches(":disabled")) return {{refused: "is disabled"}};
  if (element.readOnly) return {{refused: "is read-only"}};
  if (element.matches("select")) {{
    const said = words => words.trim().replace(/\\s+/g, " ").toLowerCase();
    const option = [...element.options].find(one => said(one.label) === said(text));
    if (!option) return {{refused: "has no option of that name"}};
    return !element.multiple || !option.selected ? choose(option) : {{done: true}};
  }}
  element.scrollIntoView({{block: "nearest", inline: "nearest", behavior: "instant"}});
  element.focus();
  if (element.matches("input") && chosen.includes(element.type)) {{
    const before = element.value;
    element.value = text;
    if (text && element.value !== text && element.type !== "color" && element.type !== "range") {{
      element.value = before;
      return {{refused: "does not take that value (" + element.type + ")"}};
    }}
    element.dispatchEvent(new Event("input", {{bubbles: true}}));
    element.dispatchEvent(new Event("change", {{bubbles: true}}));
    return {{done: true}};
  }}
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
  return {{empty: !(element.value ?? element.textContent), lines: !element.matches("input")}};
}}"""
"""Puts the cursor into the field with its text selected. Gives `empty` (there is no text) and `lines` (it takes line
breaks)."""

SCROLL = """(way => {
  const box = document.scrollingElement || document.body;
  box.scrollTo({top: box.scrollTop + way * innerHeight, behavior: "instant"});
})"""

READABLE = "function () { return this.contentDocument !== null; }"
"""Does a frame's element hold a document of the page's own origin? Scripts see no other."""

FLUSH = "new Promise(done => setTimeout(done))"
"""What an action has queued in the page (a form's submission, a handler) comes before a new timer."""
