"use strict";
// The task table: rows come as data, are filtered and sorted as indices, and are drawn a hundred at a time.
(() => {
  const data = JSON.parse(document.getElementById("task-data").textContent);
  const BATCH = 100;
  const collator = new Intl.Collator("en", { numeric: true });
  const several = data.runs.length > 1;

  const rows = data.rows.map((cells) => {
    const [run, task, repeat, objective, site, capability, trivial, score, success, vertex, reference, steps, invalid, unparsable, ending] = cells;
    const outcome = success === null ? "not judged" : success ? "solved" : score > 0 ? "partial" : "unsolved";
    return {
      run, site, outcome, capability, score, vertex, reference, steps, invalid, unparsable,
      task: repeat ? `${task}#${repeat}` : task,
      objective: data.objectives[objective],
      siteName: data.sites[site],
      ending: data.endings[ending].replaceAll("_", " "),
      trivial: trivial === null ? null : trivial ? "yes" : "no",
    };
  });

  const fixed = (digits) => (value) => value.toFixed(digits).replace("-", "\u2212");
  const columns = {
    task: { value: (row) => row.task, header: true, kind: "text" },
    run: { value: (row) => data.runs[row.run], kind: "text name" },
    objective: { value: (row) => row.objective, kind: "text long" },
    site: { value: (row) => row.siteName, kind: "text" },
    capability: { value: (row) => row.capability },
    outcome: { value: (row) => row.outcome, kind: "text" },
    score: { value: (row) => row.score, write: fixed(2) },
    vertex: { value: (row) => row.vertex, write: fixed(3) },
    reference: { value: (row) => row.reference, kind: "text" },
    steps: { value: (row) => row.steps },
    invalid: { value: (row) => row.invalid },
    unparsable: { value: (row) => row.unparsable },
    ending: { value: (row) => row.ending, kind: "text" },
    trivial: { value: (row) => row.trivial, kind: "text" },
  };
  if (!several) delete columns.run;
  const nameOf = (row) => data.capabilities[row.capability] ?? "";
  const haystack = (row) => {
    row.words ??= [row.task, row.objective, row.siteName, row.ending, data.runs[row.run], nameOf(row)].join(" ").toLowerCase();
    return row.words;
  };

  const byId = (id) => document.getElementById(id);
  const form = byId("filters"), box = byId("task-box"), status = byId("shown"), more = byId("more");
  const body = byId("task-table").tBodies[0];
  const heads = [...byId("task-table").tHead.rows[0].cells];
  let order = rows.map((_, index) => index);
  let drawn = 0, sortKey = null, direction = 1;

  const compare = (key) => (one, other) => {
    const a = columns[key].value(rows[one]), b = columns[key].value(rows[other]);
    if (a === null || b === null) return (a === null) - (b === null) || one - other;  // missing ones last, either way
    const sign = typeof a === "number" ? a - b : collator.compare(a, b);
    return direction * sign || one - other;
  };

  const keep = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = (id) => byId(id)?.value ?? "";
    const run = chosen("filter-run"), site = chosen("filter-site"), outcome = chosen("filter-outcome");
    return (index) => {
      const row = rows[index];
      return (run === "" || row.run === Number(run)) && (site === "" || row.site === Number(site))
        && (outcome === "" || row.outcome === outcome) && words.every((word) => haystack(row).includes(word));
    };
  };

  const draw = () => {
    const part = document.createDocumentFragment();
    for (const index of order.slice(drawn, drawn + BATCH)) {
      const line = document.createElement("tr");
      for (const key in columns) {
        const { value, write, kind, header } = columns[key];
        const cell = document.createElement(header ? "th" : "td");
        if (header) cell.scope = "row";
        if (kind) cell.className = kind;
        const content = value(rows[index]);
        cell.textContent = content === null ? "\u2013" : write ? write(content) : content;
        if (key === "capability") cell.title = nameOf(rows[index]);
        if (key === "outcome") cell.classList.add(`is-${content.replace(" ", "-")}`);
        line.append(cell);
      }
      part.append(line);
    }
    body.append(part);
    drawn = Math.min(drawn + BATCH, order.length);
    more.hidden = drawn >= order.length;
  };

  const refresh = () => {
    order = rows.map((_, index) => index).filter(keep());
    if (sortKey) order.sort(compare(sortKey));
    const solved = order.filter((index) => rows[index].outcome === "solved").length;
    status.textContent = `${order.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} episodes, ${solved.toLocaleString("en")} solved`;
    body.replaceChildren();
    drawn = 0;
    box.scrollTop = 0;
    draw();
  };

  for (const head of heads) {
    head.querySelector("button").addEventListener("click", () => {
      direction = sortKey === head.dataset.key ? -direction : 1;
      sortKey = head.dataset.key;
      for (const each of heads) each.setAttribute("aria-sort", each !== head ? "none" : direction > 0 ? "ascending" : "descending");
      refresh();
    });
    if ((columns[head.dataset.key].kind ?? "").includes("text")) head.classList.add("text");
  }
  let waiting;
  byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 120); });
  form.addEventListener("change", refresh);
  form.addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
  form.addEventListener("reset", () => setTimeout(refresh));
  more.firstElementChild.addEventListener("click", draw);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) draw(); }, { root: box, rootMargin: "300px" }).observe(more);
  form.hidden = box.hidden = false;
  refresh();
})();
