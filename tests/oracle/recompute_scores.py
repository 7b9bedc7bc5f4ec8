"""Recompute every figure of `scores.json` from the records and the cached embeddings, sharing no code with the product.

    python tests/oracle/recompute_scores.py scores.json RUN TASKS LABELS CACHE

RUN: AgentLab records, one episode a line (.jsonl or .jsonl.gz), scored with `--references-from capability`, any decay,
strength, mode, aggregate and number of references, and either choice of steps. TASKS: test.raw.json or a part of it.
LABELS: the published capability labels. CACHE: the embedding cache that the product filled (rows are looked up by the
SHA-256 of encoder, template and text).

Only numpy and the standard library. Prints the largest difference of every figure; exit code 1 above 1e-6, or where a
word differs or a figure is missing. Definitions: docs/definitions/evaluation.md, vertex_dtw.md, statistics.md.
"""

import ast
import gzip
import hashlib
import json
import math
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import NormalDist, mean, median

import numpy as np

TOLERANCE = 1e-6
TRIVIAL = {8, 22, 24, 101, 115, 166, 168, 183, 191, 201, 218, 219, 225, 234, 235, 247, 253, 301, 302, 313, 368, 376}
TRIVIAL |= {382, 491, 723, 726, 772, 783, *range(789, 799)}
TOLERANCES = {"vertex_dtw.action_similarity.interval[]": 1e-4}
"""Sums of thirds tie in exact arithmetic but not in floats: one tie among the resamples moves a bound by 1e-5."""
NOT_RECOMPUTED = {"name", "path", "notes"}
"""Words about a run that are no figures."""

NORMAL = NormalDist()


# ---- records -----------------------------------------------------------------------------------------------------


def read_lines(path):
    data = Path(path).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return [json.loads(line) for line in data.split(b"\n") if line.strip()]


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def action_of(response):
    """The call between triple backticks, outside of the thought."""
    said = re.sub(r"(?s)<think>.*?</think>", "", response)
    inner = re.search(r"(?s)<action>(.*?)</action>", said)
    said = inner.group(1) if inner else said
    parts = said.split("```")
    return (parts[1] if len(parts) > 1 else said).strip() or None


def read_episode(record):
    steps = record["steps"]
    summary = record["summary"]
    found = []
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        if last and (step["terminated"] or step["truncated"] or step["action"] is None):
            continue  # after the end
        action = action_of(step["action"])
        complaint = "" if last else steps[i + 1]["obs"].get("last_action_error") or ""
        active = step["obs"]["active_page_index"][0]
        found.append(
            {
                "action": action,
                "refused": bool(complaint) or (action is None),
                "url": step["obs"]["open_pages_urls"][active],
                "page": step["obs"]["axtree_txt"],
            }
        )
    return {
        "task": int(re.search(r"\d+$", record["task"]).group()),
        "score": summary["cum_reward"],
        "ending": ending_of(steps, summary),
        "steps": found,
    }


def ending_of(steps, summary):
    final = steps[-1] if steps else {}
    if final.get("terminated") or summary.get("terminated"):
        return "stop"
    if final.get("truncated") or summary.get("truncated"):
        return "step_limit"
    if not summary.get("err_msg"):
        return "unknown"
    trace = summary.get("stack_trace") or ""
    calls = re.findall(
        r"(from_action\(|agent\.get_action\()|(?:from_step\(|from_reset\(|env\.step\(|env\.reset\()", trace
    )
    assert calls, "an error without a stack: this oracle cannot blame it"
    return "agent_error" if calls[-1] else "environment_error"


# ---- embeddings --------------------------------------------------------------------------------------------------


def squeezed(text):
    return " ".join(text.split())


def step_text(task, step):
    """Template action_first: action, path of the URL, objective, page; addresses of the page's origin cut to paths."""
    origin = re.match(r"[a-z]+://[^/?#]+", step["url"])
    origin = origin.group() if origin else None
    strip = (lambda text: text.replace(origin + "/", "/")) if origin else (lambda text: text)
    where = (step["url"][len(origin) :] or "/") if origin else step["url"]
    action = "[unparsable action]" if step["action"] is None else strip(step["action"])
    parts = [squeezed(action), squeezed(where), squeezed(task["intent"]), strip(step["page"])]
    return "\n".join(part for part in parts if part)


class Rows:
    """Rows of the cache as float64 unit vectors."""

    def __init__(self, path, encoder):
        self.database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.encoder = encoder

    def __call__(self, text):
        key = hashlib.sha256(f"{self.encoder}\0action_first/1\0{text}".encode()).digest()
        found = self.database.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
        assert found is not None, f"not in the cache: {text[:200]!r}"
        row = np.frombuffer(found[0], dtype="<f2").astype(np.float64)
        return row / np.sqrt((row * row).sum())


# ---- actions -----------------------------------------------------------------------------------------------------

VERBS = {
    "click": "click",
    "fill": "type",
    "clear": "type",
    "select_option": "type",
    "hover": "hover",
    "press": "press",
    "keyboard_press": "press",
    "scroll": "scroll",
    "new_tab": "new_tab",
    "tab_focus": "tab_focus",
    "tab_close": "close_tab",
    "goto": "goto",
    "go_back": "go_back",
    "go_forward": "go_forward",
    "send_msg_to_user": "stop",
    "report_infeasible": "stop",
}
ON_ELEMENT = {"click", "fill", "clear", "select_option", "hover", "press"}


def element_of(bid, page):
    """(role, name as printed) of the line of an accessibility tree that starts with `[bid] `."""
    for line in page.split("\n"):
        head = f"[{bid}] "
        if line.lstrip(" \t").startswith(head):
            role, _, rest = line.lstrip(" \t")[len(head) :].partition(" ")
            quote = rest[:1]
            if quote not in ("'", '"'):
                return role.rstrip(","), None
            end = 1
            while rest[end] != quote:
                end += 2 if rest[end] == "\\" else 1
            return role, rest[: end + 1]
    return None, None


def act(step):
    """(verb, text, role, name): everything by which two actions are compared."""
    if step["action"] is None:
        return (None, "", None, None)
    origin = re.match(r"[a-z]+://[^/?#]+", step["url"])
    strip = (lambda text: text.replace(origin.group() + "/", "/")) if origin else (lambda text: text)
    call = known_call(step["action"])
    if call is None:
        # An agent's own verb: its first argument is an element where the page lists it, the rest is text.
        verb, rest = re.match(r"(?s)([^\[(]*)(.*)", step["action"]).groups()
        first = re.match(r"""\s*[\[(]\s*['"]?([\w.-]+)['"]?\s*[\]),]""", rest)
        role, name = element_of(first[1], step["page"]) if first else (None, None)
        if role is not None:
            rest = rest[first.end() :]
        return (verb.strip().lower(), squeezed(strip(rest)), role, name)
    function, arguments = call
    element = arguments.pop(0) if function in ON_ELEMENT else None
    text = "" if function in {"click", "clear"} else "N/A" if function == "report_infeasible" else arguments
    if function == "scroll":
        text = "down" if arguments[1] > 0 else "up"
    if isinstance(text, list):
        text = text[0] if text else ""
        text = text[0] if isinstance(text, list) else str(text)
    return (VERBS[function], strip(text), *(element_of(element, step["page"]) if element is not None else (None, None)))


def known_call(action):
    """(name, arguments) of a call of BrowserGym's dialect that has a counterpart in WebArena's; else None."""
    try:
        calls = [node.value for node in ast.parse(action.strip()).body]
        calls = [(call.func.id, [ast.literal_eval(one) for one in call.args], call.keywords) for call in calls]
    except (SyntaxError, ValueError, AttributeError):
        return None
    function, arguments, keywords = calls[0]
    enters = [[*given] for name, given, _ in calls[1:] if name in {"keyboard_press", "press"}]
    if len(calls) > 1 and not (function == "fill" and len(calls) == 2 and enters and enters[0][-1] == "Enter"):
        return None
    if function not in VERBS:
        return None
    if function == "click":
        # The left button, said or not, without a key held down is a plain click.
        plain = [one.arg == "button" and ast.literal_eval(one.value) == "left" for one in keywords]
        return (function, arguments) if all(plain) and len(arguments) == 1 else None
    if function in {"press", "keyboard_press"}:
        arguments = [*arguments[:-1], {" ": "Space"}.get(arguments[-1], arguments[-1])]
    if function == "select_option" and isinstance(arguments[1], list) and len(arguments[1]) != 1:
        return None
    if function in ON_ELEMENT and not re.fullmatch(r"\s*[0-9]{1,15}\s*", str(arguments[0])):
        return None
    return function, arguments + [ast.literal_eval(one.value) for one in keywords]


def levenshtein(x, y):
    """By its recursion, on prefixes, with a table."""
    known = {}
    for i in range(len(x) + 1):
        for j in range(len(y) + 1):
            if not i or not j:
                known[i, j] = i + j
            else:
                change = known[i - 1, j - 1] + (x[i - 1] != y[j - 1])
                known[i, j] = min(change, known[i - 1, j] + 1, known[i, j - 1] + 1)
    return known[len(x), len(y)]


# ---- VERTEX_DTW --------------------------------------------------------------------------------------------------


def costs_of(x, y):
    """1 - cosine, exactly 0 for equal rows, on a grid where sums along a path are exact."""
    cost = np.empty((len(x), len(y)))
    for i, u in enumerate(x):
        for j, v in enumerate(y):
            cost[i, j] = 0.0 if np.array_equal(u, v) else min(max(1.0 - float((u * v).sum()), 0.0), 2.0)
    return np.ldexp(np.rint(np.ldexp(cost, 40)), -40)


def warping_path(cost):
    """Least sum of costs; on ties diagonal, then up, then left."""
    m, n = cost.shape
    total = np.full((m + 1, n + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(m):
        for j in range(n):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    i, j, path = m, n, []
    while i and j:
        path.append((i - 1, j - 1))
        best = min(total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
        if total[i - 1, j - 1] == best:
            i, j = i - 1, j - 1
        elif total[i - 1, j] == best:
            i -= 1
        else:
            j -= 1
    return path[::-1]


def baseline(reference, trivial):
    """zero_pad: the similarity to the trivial step of the same position, 0 after its end."""
    return [similarity(u, trivial[i]) if i < len(trivial) else 0.0 for i, u in enumerate(reference)]


def similarity(u, v):
    return math.exp(-(((u - v) ** 2).sum()))


def weight(i, j, m, n, options):
    if options["decay"] == "hyperbolic":
        return 1.0 / (1.0 + abs(i - j))
    if options["decay"] == "none":
        return 1.0
    return 1.0 / (1.0 + options["strength"] * abs((i / (m - 1) if m > 1 else 0) - (j / (n - 1) if n > 1 else 0)))


def vertex(reference, test, trivial, options):
    """The score under each mode."""
    cost = costs_of(reference, test)
    z = baseline(reference, trivial)
    sums, counted, path = Counter(), 0, warping_path(cost)
    for i, j in path:
        k, w = math.exp(-2.0 * cost[i, j]), weight(i, j, len(reference), len(test), options)
        sums["eq1"] += min(max(w * k - z[i], 0.0), 1.0)
        sums["released"] += w * (min(max(k, 0.0), 1.0) - z[i])
        if 1.0 - z[i] >= 1e-3:
            counted += 1
            sums["normalized"] += w * min(max((k - z[i]) / (1.0 - z[i]), 0.0), 1.0)
    return {
        "normalized": sums["normalized"] / counted if counted else 0.0,
        "eq1": sums["eq1"] / len(path),
        "released": sums["released"] / len(path),
    }


# ---- statistics --------------------------------------------------------------------------------------------------


def wilson(k, n, confidence):
    z, p = NORMAL.inv_cdf((1.0 + confidence) / 2.0), k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))]


def bca(values, settings):
    values = np.array(values, dtype=float)
    n = len(values)
    if np.all(values == values[0]):
        return [values[0], values[0]], "percentile"
    drawn = np.random.default_rng(settings["seed"]).integers(0, n, (settings["resamples"], n))
    means = np.sort(np.array([values[row].mean() for row in drawn]))
    observed = values.mean()
    tied = np.abs(means - observed) <= 1e-12
    z0 = NORMAL.inv_cdf(float(((means < observed) & ~tied).mean() + tied.mean() / 2))
    spread = np.array([observed - (values.sum() - v) / (n - 1) for v in values])
    spread -= spread.mean()
    a = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    bounds = []
    for tail in ((1 - settings["confidence"]) / 2, (1 + settings["confidence"]) / 2):
        shifted = z0 + NORMAL.inv_cdf(tail)
        place = NORMAL.cdf(z0 + shifted / (1 - a * shifted)) * (len(means) - 1)
        low = math.floor(place)
        high = min(low + 1, len(means) - 1)
        bounds.append(float(means[low] + (place - low) * (means[high] - means[low])))
    return bounds, "bca"


# ---- the run -----------------------------------------------------------------------------------------------------


def capability_groups(tasks, labels):
    """Connected components of template ids and their published labels, numbered by first task."""
    parent = {}

    def root(x):
        parent.setdefault(x, x)
        return x if parent[x] == x else root(parent[x])

    for task in tasks.values():
        parent[root(task["intent_template_id"])] = root(labels[str(task["task_id"])])
    return {i: root(task["intent_template_id"]) for i, task in tasks.items()}


def functional(episodes, settings):
    n = len(episodes)
    scores = [e["score"] for e in episodes]
    solved = sum(s == 1 for s in scores)
    unknown = sum(s is None for s in scores)
    return {
        "successes": solved,
        "partial": sum(s is not None and 0 < s < 1 for s in scores),
        "unknown": unknown,
        "n": n,
        "rate": solved / n,
        "interval": wilson(solved, n, settings["confidence"]),
        "bounds": [solved / n, (solved + unknown) / n],
        "mean_score": sum(s or 0 for s in scores) / n,
    }


def capability(episodes, groups, numbers, in_tasks, settings):
    attempted = {groups[e["task"]] for e in episodes}
    reachable = {groups[e["task"]] for e in episodes if e["task"] not in TRIVIAL}
    acquired = {groups[e["task"]] for e in episodes if e["task"] not in TRIVIAL and e["score"] == 1}
    flags = [float(group in acquired) for group in sorted(attempted, key=numbers.__getitem__)]
    interval, how = bca(flags, settings)
    return {
        "source": "published",
        "score": len(acquired) / len(attempted),
        "interval": interval,
        "interval_method": how,
        "reachable_score": len(acquired) / len(reachable) if reachable else None,
        "groups": len(attempted),
        "groups_in_tasks": in_tasks,
        "reachable": len(reachable),
        "acquired": len(acquired),
        "trivial_source": "published",
        "acquired_groups": sorted(numbers[group] for group in acquired),
    }


def step_figures(episodes):
    lengths = [len(e["steps"]) for e in episodes]
    steps = [s for e in episodes for s in e["steps"]]
    wrong = sum(s["refused"] or s["action"] is None for s in steps)
    endings = Counter(e["ending"] for e in episodes)
    return {
        "total": len(steps),
        "mean": mean(lengths),
        "median": median(lengths),
        "invalid": sum(s["refused"] for s in steps),
        "unparsable": sum(s["action"] is None for s in steps),
        "invalid_or_unparsable": wrong,
        "invalid_rate": wrong / len(steps),
        "early_stops": endings["step_limit"],
        "environment_errors": endings["environment_error"],
        "endings": dict(endings),
    }


class Vertex:
    """Every pair of trajectories that is asked for, scored once."""

    def __init__(self, episodes, tasks, rows, settings):
        self.rows, self.trivial, self.acts = {}, {}, {}
        self.options = settings["vertex"]
        self.aggregate = {"max": max, "mean": mean, "median": median}[settings["reference_aggregate"]]
        for e in episodes:
            steps = e["steps"]
            if settings["steps"] == "accepted":
                steps = [step for step in steps if not step["refused"]] or steps[-1:]
            self.rows[e["task"]] = [rows(step_text(tasks[e["task"]], step)) for step in steps]
            self.acts[e["task"]] = [act(step) for step in steps]
            if steps and e["score"] == 1:
                self.trivial[e["task"]] = [rows(step_text(tasks[e["task"]], {**steps[0], "action": "stop [N/A]"}))]
        self.known = {}

    def pair(self, reference, test):
        if (reference, test) not in self.known:
            three = (self.rows[reference], self.rows[test], self.trivial[reference])
            self.known[reference, test] = vertex(*three, self.options)
        return self.known[reference, test]

    def best(self, references, test, mode):
        """Aggregate over the references, and the first with the highest score; 0 without steps."""
        if not self.rows[test]:
            return 0.0, None
        scores = [self.pair(r, test)[mode] for r in references]
        return self.aggregate(scores), references[scores.index(max(scores))]

    def last_step(self, references, test):
        """Cosine of the last steps."""
        rows = self.rows
        return self.aggregate([float(rows[r][-1] @ rows[test][-1]) for r in references]) if rows[test] else 0.0

    def edit(self, references, test):
        """1 - edit distance / longer length."""
        acts, y = self.acts, self.acts[test]
        each = [1 - levenshtein(acts[r], y) / max(len(acts[r]), len(y)) for r in references]
        return self.aggregate(each) if y else 0.0


def drawn_by(seed, task, run, reference):
    return hashlib.sha256(json.dumps([seed, str(task), run, str(reference), 0]).encode()).hexdigest()


def neighbour(values, settings):
    interval, how = bca(values, settings)
    return {"mean": mean(values), "interval": interval, "interval_method": how}


def vertex_figures(episodes, groups, pairs, settings, name):
    order = [e["task"] for e in episodes]
    pool = [e["task"] for e in episodes if e["score"] == 1 and e["steps"]]
    references = {t: [r for r in pool if r != t and groups[r] == groups[t]] for t in order}
    most = settings["max_references"]
    if most:
        for t, found in references.items():
            chosen = sorted(found, key=lambda r: drawn_by(settings["seed"], t, name, r))[:most]
            references[t] = [r for r in found if r in chosen]
    referenced = [t for t in order if references[t]]
    mode = settings["vertex"]["mode"]
    best = {t: pairs.best(references[t], t, mode) for t in referenced}
    scores = {t: score for t, (score, _) in best.items()}

    def by_capability(tasks, of_one):
        of_group = defaultdict(list)
        for t in tasks:
            of_group[groups[t]].append(scores[t])
        return mean(of_one(found) for found in of_group.values()) if of_group else None

    hard = [t for t in referenced if t not in TRIVIAL]
    several = [t for t in referenced if len(references[t]) > 1]
    ceilings = [
        mean(pairs.best([other for other in references[t] if other != r], r, mode)[0] for r in references[t])
        for t in several
    ]

    rng, drawn = np.random.default_rng(settings["seed"]), []
    for _ in range(settings["chance_draws"]):
        for t in referenced:
            candidates = [o for o in referenced if groups[o] != groups[t]]
            if pairs.rows[t] and candidates:
                other = candidates[rng.integers(len(candidates))]
                drawn.append(pairs.best(references[other], t, mode)[0])
    hopeless = {r for r in pool if all(1.0 - z < 1e-3 for z in baseline(pairs.rows[r], pairs.trivial[r]))}
    interval, how = bca(list(scores.values()), settings)
    figures = {
        "mean": mean(scores.values()),
        "interval": interval,
        "interval_method": how,
        "mean_non_trivial": mean(scores[t] for t in hard) if hard else None,
        "by_capability_mean": by_capability(referenced, mean),
        "by_capability_mean_non_trivial": by_capability(hard, mean),
        "by_capability": by_capability(referenced, max),
        "non_trivial": by_capability(hard, max),
        "n_referenced": len(referenced),
        "n_tasks": len(order),
        "coverage": len(referenced) / len(order),
        "chance": mean(drawn) if drawn else None,
        "chance_pairs": len(drawn),
        "ceiling": mean(ceilings) if ceilings else None,
        "ceiling_tasks": len(ceilings),
        "last_step_cosine": neighbour([pairs.last_step(references[t], t) for t in referenced], settings),
        "action_similarity": neighbour([pairs.edit(references[t], t) for t in referenced], settings),
        "few_references": sum(len(references[t]) < most for t in referenced),
        "no_test": sum(not pairs.rows[t] for t in referenced),
        "degenerate": sum(hopeless.issuperset(references[t]) for t in referenced),
        "variants": {
            kind: mean(pairs.best(references[t], t, kind)[0] for t in referenced)
            for kind in ("normalized", "eq1", "released")
        },
        "encoder": settings["encoder"]["id"],
        "step_template": "action_first",
    }
    return figures, best


def recompute(scores, run, tasks_file, labels_file, cache):
    settings = scores["settings"]
    assert settings["step_template"] == "action_first" and not settings["include_reasoning"]
    assert settings["references_from"] == "capability" and not settings["references"] and not settings["all_references"]
    assert settings["vertex"] == {
        "mode": settings["vertex"]["mode"],
        "gamma": 1.0,
        "decay": settings["vertex"]["decay"],
        "strength": settings["vertex"]["strength"],
        "z": "zero_pad",
        "min_headroom": 1e-3,
        "ties": "diagonal",
    }
    tasks = {t["task_id"]: t for t in read_json(tasks_file)}
    labels = read_json(labels_file)
    groups = capability_groups(tasks, labels)
    # Labels are numbered over all published tasks, of which TASKS may be a part: take the numbers that are shown.
    numbers = published_numbers(scores, groups)
    place = {task: i for i, task in enumerate(tasks)}
    episodes = sorted((read_episode(record) for record in read_lines(run)), key=lambda e: place[e["task"]])
    pairs = Vertex(episodes, tasks, Rows(cache, settings["encoder"]["id"]), settings)
    figures, best = vertex_figures(episodes, groups, pairs, settings, scores["runs"][0]["name"])

    def site(e):
        return "+".join(sorted(tasks[e["task"]]["sites"]))

    sites = []
    for name in sorted({site(e) for e in episodes}):
        here = [e for e in episodes if site(e) == name]
        found = [best[e["task"]][0] for e in here if e["task"] in best]
        sites.append(
            {
                "site": name,
                "functional_correctness": functional(here, settings),
                "vertex_dtw": mean(found) if found else None,
                "n_referenced": len(found),
                "mean_steps": mean(len(e["steps"]) for e in here),
            }
        )
    rows = []
    for e in episodes:
        score, reference = best.get(e["task"], (None, None))
        rows.append(
            {
                "task": str(e["task"]),
                "repeat": 0,
                "objective": tasks[e["task"]]["intent"],
                "site": site(e),
                "capability": numbers[groups[e["task"]]],
                "trivial": e["task"] in TRIVIAL,
                "score": e["score"],
                "success": None if e["score"] is None else e["score"] == 1,
                "vertex_dtw": score,
                "reference": None if reference is None else f"{reference}#0",
                "reference_run": None if reference is None else scores["runs"][0]["name"],
                "steps": len(e["steps"]),
                "invalid": sum(s["refused"] for s in e["steps"]),
                "unparsable": sum(s["action"] is None for s in e["steps"]),
                "ending": e["ending"],
            }
        )
    return {
        "n_tasks": len(episodes),
        "n_repeats": 1,
        "functional_correctness": functional(episodes, settings),
        "capability": capability(episodes, groups, numbers, len(set(groups.values())), settings),
        "vertex_dtw": figures,
        "repeats": None,  # every task of these records has one episode
        "steps": step_figures(episodes),
        "sites": sites,
        "episodes": rows,
    }


def published_numbers(scores, groups):
    """The product's label of each component; it must be one-to-one, and that is checked."""
    numbers = {}
    for row in scores["runs"][0]["episodes"]:
        group = groups[int(row["task"])]
        assert numbers.setdefault(group, row["capability"]) == row["capability"], f"task {row['task']}: another group"
    assert len(set(numbers.values())) == len(numbers), "two components share a label"
    return numbers


# ---- comparison --------------------------------------------------------------------------------------------------


def leaves(value, name=""):
    """(figure, value) of everything in a nested value; items of a list share the list's name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, (list, tuple)):
        yield f"{name}[n]", len(value)
        for inner in value:
            yield from leaves(inner, f"{name}[]")
    else:
        yield name, value


def differences(expected, got):
    """Largest difference of each figure; infinity where words differ or figures are missing."""
    found = {}
    ours, theirs = defaultdict(list), defaultdict(list)
    for values, source in ((ours, expected), (theirs, got)):
        for name, value in leaves(source):
            values[name].append(value)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        same_length = len(ours[name]) == len(theirs[name])
        found[name] = max(map(difference, ours[name], theirs[name])) if same_length else math.inf
    return found


def difference(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and isinstance(a, bool) == isinstance(b, bool):
        return abs(a - b)
    return 0.0 if a == b else math.inf


def main(scores_file, run, tasks, labels, cache):
    scores = read_json(scores_file)
    assert len(scores["runs"]) == 1 and not scores["comparisons"], "this oracle recomputes a single run"
    got = {key: value for key, value in scores["runs"][0].items() if key not in NOT_RECOMPUTED}
    found = differences(recompute(scores, run, tasks, labels, cache), got)
    wrong = {name for name, largest in found.items() if not largest <= TOLERANCES.get(name, TOLERANCE)}
    for name, largest in found.items():
        print(f"{largest:9.2e}  {name}{'   <-- differs' if name in wrong else ''}")
    print(f"{len(found)} figures, largest difference {max(found.values()):.2e} (tolerance {TOLERANCE:g})")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
