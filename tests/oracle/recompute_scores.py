"""Recompute every figure of `scores.json` from the records and the cached embeddings, sharing no code with the product.

    python tests/oracle/recompute_scores.py scores.json TASKS LABELS CACHE RUN [RUN ...]

RUN: AgentLab records, one episode a line (.jsonl or .jsonl.gz), scored with `--references-from capability`, any
cluster, decay, strength, mode, aggregate and number of references, and either choice of steps; several runs are each
compared with those before it. TASKS: test.raw.json or a part of it. LABELS: the published capability labels. CACHE: the
embedding cache that the product filled (rows are looked up by the SHA-256 of encoder, template and text).

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
from itertools import combinations
from pathlib import Path
from statistics import NormalDist, mean, median

import numpy as np

TOLERANCE = 1e-6
TRIVIAL = {8, 22, 24, 101, 115, 166, 168, 183, 191, 201, 218, 219, 225, 234, 235, 247, 253, 301, 302, 313, 368, 376}
TRIVIAL |= {382, 491, 723, 726, 772, 783, *range(789, 799)}
TOLERANCES = {f"runs[].vertex_dtw.action_similarity.interval.{end}": 1e-4 for end in ("low", "high")}
"""Sums of thirds tie in exact arithmetic but not in floats: one tie among the resamples moves a bound by 1e-5."""
NOT_RECOMPUTED = {"name", "path", "notes"}
"""Words about a run that are no figures."""
SAID = {"withheld"}
"""Of these words only whether they are there is compared."""
FEWEST = 6
"""Clusters below which there is no interval."""
MANY = 50
"""Effective clusters from which a mean takes BCa."""

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
        "repeat": record.get("repeat", 0),
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


def wilson(p, n, confidence):
    z = NORMAL.inv_cdf((1.0 + confidence) / 2.0)
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def student(df, level):
    """Quantile of Student's t: with t = sqrt(df) tan(u) its density is that of cos(u)^(df - 1); found by bisection."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)

    def above_half(u):
        return scale * u / 2 * (weights * np.cos(u / 2 * (nodes + 1)) ** (df - 1)).sum()

    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if above_half(middle) < level - 0.5 else (low, middle)
    return math.sqrt(df) * math.tan((low + high) / 2)


def by_cluster(values, keys):
    """Sums of the values of each cluster, in the order in which clusters appear."""
    found = {}
    for value, key in zip(values, keys, strict=True):
        found[key] = found.get(key, 0.0) + float(value)
    return np.array(list(found.values()))


def variance(s, m):
    """Linearised variance of the ratio of the sums of s and m."""
    g = len(s)
    return g / (g - 1) * ((s - s.sum() / m.sum() * m) ** 2).sum() / m.sum() ** 2 if g > 1 else 0.0


def same_ratio(s, m):
    return bool(np.all(np.abs(s - s.sum() / m.sum() * m) <= 1e-12 * np.abs(s)))


def quantile(ordered, level):
    place = level * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def bca(s, m, settings):
    g = len(s)
    drawn = np.random.default_rng(settings["seed"]).integers(0, g, (settings["resamples"], g))
    means = np.sort(np.array([s[row].sum() / m[row].sum() for row in drawn]))
    observed = s.sum() / m.sum()
    tied = np.abs(means - observed) <= 1e-12 * max(1.0, abs(observed))
    below = float(((means < observed) & ~tied).mean() + tied.mean() / 2)
    tails = ((1 - settings["confidence"]) / 2, (1 + settings["confidence"]) / 2)
    if not 0.0 < below < 1.0:
        return [quantile(means, tail) for tail in tails], "percentile"
    z0 = NORMAL.inv_cdf(below)
    without = np.array([(s.sum() - s[i]) / (m.sum() - m[i]) for i in range(g)])
    spread = without.mean() - without
    a = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    shifted = [z0 + NORMAL.inv_cdf(tail) for tail in tails]
    return [quantile(means, NORMAL.cdf(z0 + one / (1 - a * one))) for one in shifted], "bca"


def studentised(s, m, settings):
    """Bootstrap of t over clusters; None where a quantile is infinite."""
    g, observed = len(s), s.sum() / m.sum()
    pivots = []
    for row in np.random.default_rng(settings["seed"]).integers(0, g, (settings["resamples"], g)):
        one, of = s[row], m[row]
        if not of.sum():
            pivots.append(math.inf)
            continue
        away = one.sum() / of.sum() - observed
        if abs(away) <= 1e-12 * abs(observed):
            pivots.append(0.0)
        else:
            error = 0.0 if same_ratio(one, of) else math.sqrt(variance(one, of))
            pivots.append(away / error if error else math.copysign(math.inf, away))
    pivots.sort()
    alpha, last = 1 - settings["confidence"], len(pivots) - 1
    low, high = pivots[math.floor(alpha / 2 * last)], pivots[math.ceil((1 - alpha / 2) * last)]
    if math.isinf(low) or math.isinf(high):
        return None
    error = math.sqrt(variance(s, m))
    return [observed - high * error, observed - low * error], "studentised bootstrap"


def few(count, kind):
    plural = kind if count == 1 else {"capability": "capabilities"}.get(kind, kind + "s")
    return f"{count} {plural}; an interval needs at least {FEWEST}"


def estimate(
    values,
    keys,
    settings,
    *,
    kind=None,
    of=None,
    episodes=None,
    bounded=False,
    share=False,
    plain=False,
    proportion=False,
):
    """Mean of the values (their ratio to `of`) with its interval over the clusters `keys`.

    share: a success rate, with `episodes` behind it; plain: every value is one trial; proportion: a ratio of counts.
    """
    of = [1.0] * len(values) if of is None else of
    kind, confidence = kind or settings["cluster"], settings["confidence"]
    s, m = by_cluster(values, keys), by_cluster(of, keys)
    g, effective, value = len(s), m.sum() ** 2 / (m**2).sum(), math.fsum(values) / math.fsum(of)
    v = 0.0 if same_ratio(s, m) else variance(s, m)
    alone = variance(np.array(values, dtype=float), np.array(of, dtype=float))
    reason, interval = None, None
    if g < FEWEST:
        reason = few(g, kind)
    elif plain:
        interval = wilson(value, len(values), confidence), "wilson"
    elif share:
        trials = effective if value in (0, 1) else value * (1 - value) / v if v else math.inf
        trials = min(max(trials, effective), len(values) if episodes is None else episodes)
        interval = wilson(value, trials * shrinkage(effective, confidence), confidence), "wilson"
    elif proportion and value in (0, 1):
        interval = wilson(value, effective * shrinkage(effective, confidence), confidence), "wilson"
    elif same_ratio(s, m):
        reason = "all values are equal"
    elif effective >= MANY:
        interval = bca(s, m, settings)
    elif bounded:
        trials = max(value * (1 - value) / v, effective)
        interval = wilson(value, trials * shrinkage(effective, confidence), confidence), "wilson"
    else:
        interval = studentised(s, m, settings)
        reason = None if interval else "too few values differ"
    return {
        "value": value,
        "interval": interval and said(*interval, confidence),
        "reason": reason,
        "n": len(values),
        "cluster": kind,
        "clusters": g,
        "effective_clusters": effective,
        "design_effect": v / alone if alone > 1e-24 and v else None,
        "mean_of_clusters": mean(a / b for a, b in zip(s, m, strict=True) if b),
    }


def said(ends, method, confidence):
    return {"low": ends[0], "high": ends[1], "method": method, "confidence": confidence}


def shrinkage(effective, confidence):
    level = (1 + confidence) / 2
    return (NORMAL.inv_cdf(level) / student(effective - 1, level)) ** 2


def compared(rows, keys, settings):
    """Paired differences of several comparisons, with p and intervals by max-T over flips of whole clusters."""
    confidence, b = settings["confidence"], settings["resamples"]
    m = by_cluster([1.0] * len(keys), keys)
    g, effective = len(m), m.sum() ** 2 / (m**2).sum()
    sums = [by_cluster(row, keys) for row in rows]
    means = [math.fsum(row) / len(row) for row in rows]
    errors = [math.sqrt(variance(s, m)) if g > 1 and not same_ratio(s, m) else 0.0 for s in sums]

    def t(value, error):
        return 0.0 if abs(value) < 1e-14 else value / error if error else math.inf

    observed = [abs(t(*one)) for one in zip(means, errors, strict=True)]
    highest = []
    for signs in 2 * np.random.default_rng(settings["seed"]).integers(0, 2, (b, g)) - 1:
        flipped = [s * signs for s in sums]
        found = [abs(t(f.sum() / m.sum(), 0.0 if same_ratio(f, m) else math.sqrt(variance(f, m)))) for f in flipped]
        highest.append(max(found))
    highest.sort(reverse=True)
    allowed = math.floor((1 - confidence) * (b + 1) + 1e-9) - 1
    q = highest[allowed]
    results = []
    for value, error, statistic, row in zip(means, errors, observed, rows, strict=True):
        p = (1 + sum(one >= statistic * (1 - 1e-9) for one in highest)) / (b + 1)
        reason, interval = None, None
        if g < FEWEST:
            reason = few(g, settings["cluster"])
        elif not error or len(set(row)) == 1:
            reason = "all values are equal"
        elif math.isinf(q):
            reason = "too few clusters differ"
        else:
            ends = [value - q * error, value + q * error]
            if p > 1 - confidence:
                ends = [min(ends[0], 0.0), max(ends[1], 0.0)]
            interval = said(ends, "max-t", confidence)
        results.append(
            {
                "difference": value,
                "standard_error": error if g > 1 else None,
                "interval": interval,
                "reason": reason,
                "p_value": p,
                "comparisons": len(rows),
                "n": len(row),
                "cluster": settings["cluster"],
                "clusters": g,
                "effective_clusters": effective,
            }
        )
    return results


def mcnemar(x, y):
    n = x + y
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(x, y) + 1)) / 2**n) if n else 1.0


def pass_at(n, c, k):
    return 1 - math.comb(n - c, k) / math.comb(n, k)


# ---- the runs ----------------------------------------------------------------------------------------------------


class Tasks:
    """What is known about the tasks: groups, sites, clusters and order."""

    def __init__(self, tasks_file, labels_file, scores):
        self.tasks = {t["task_id"]: t for t in read_json(tasks_file)}
        self.groups = capability_groups(self.tasks, read_json(labels_file))
        self.place = {task: i for i, task in enumerate(self.tasks)}
        # Labels are numbered over all published tasks, of which TASKS may be a part: take the numbers that are shown.
        self.numbers = published_numbers(scores, self.groups)
        self.kind = scores["settings"]["cluster"]

    def site(self, task):
        return "+".join(sorted(self.tasks[task]["sites"]))

    def template(self, task):
        return self.tasks[task]["intent_template_id"]

    def keys(self, tasks):
        """The cluster of each task."""
        of = {"task": lambda t: t, "template": self.template, "capability": self.groups.get, "site": self.site}
        return [of[self.kind](task) for task in tasks]


def capability_groups(tasks, labels):
    """Connected components of template ids and their published labels, numbered by first task."""
    parent = {}

    def root(x):
        parent.setdefault(x, x)
        return x if parent[x] == x else root(parent[x])

    for task in tasks.values():
        parent[root(task["intent_template_id"])] = root(labels[str(task["task_id"])])
    return {i: root(task["intent_template_id"]) for i, task in tasks.items()}


def is_counted(e):
    return e["ending"] not in ("environment_error", "model_unavailable")


def of_tasks(episodes, place):
    """Episodes by task, in the order of the tasks, then of the repeats."""
    found = defaultdict(list)
    for e in sorted(episodes, key=lambda e: (place[e["task"]], e["repeat"])):
        found[e["task"]].append(e)
    return dict(found)


def counted_of(by_task):
    kept = {t: [e for e in found if is_counted(e)] for t, found in by_task.items()}
    return {t: found for t, found in kept.items() if found}


def per_task(by_task, of):
    return [mean(float(of(e)) for e in found) for found in by_task.values()]


def solved(e):
    return e["score"] == 1


def wrong(e):
    return sum(s["refused"] or s["action"] is None for s in e["steps"])


def functional(by_task, tasks, settings):
    counted = counted_of(by_task)
    keys = tasks.keys(counted)
    episodes = [e for found in counted.values() for e in found]
    everything = [e for found in by_task.values() for e in found]
    failures = len(everything) - len(episodes)
    unknown = sum(e["score"] is None for e in episodes)
    templates = defaultdict(list)
    rates = per_task(counted, solved)
    for task, rate in zip(counted, rates, strict=True):
        templates[tasks.template(task)].append(rate)
    none = None if counted else "none is left"
    return {
        "rate": estimate(rates, keys, settings, share=True, episodes=len(episodes)) if counted else None,
        "withheld": none,
        "by_template": mean(map(mean, templates.values())) if counted else None,
        "bounds": [
            mean(per_task(by_task, lambda e: is_counted(e) and solved(e))),
            mean(per_task(by_task, lambda e: solved(e) or e["score"] is None or not is_counted(e))),
        ]
        if unknown or failures
        else None,
        "mean_score": estimate(per_task(counted, lambda e: e["score"] or 0), keys, settings, bounded=True)
        if counted
        else None,
        "n_tasks": len(counted),
        "n": len(episodes),
        "successes": sum(map(solved, episodes)),
        "partial": sum(e["score"] is not None and 0 < e["score"] < 1 for e in episodes),
        "unknown": unknown,
        "transport_failures": failures,
        "transport_failure_rate": mean(per_task(by_task, lambda e: not is_counted(e))),
        "agent_failures": sum(map(agent_failed, episodes)),
        "agent_failure_rate": estimate(
            per_task(counted, agent_failed), keys, settings, share=True, episodes=len(episodes)
        )
        if counted
        else None,
    }


def headline(by_task, tasks, settings):
    """Without rates where more than 5 % of the episodes are transport failures."""
    found = functional(by_task, tasks, settings)
    if found["transport_failures"] > 0.05 * (found["n"] + found["transport_failures"]):
        found |= {"rate": None, "mean_score": None, "by_template": None, "withheld": "too many"}
    return found


def agent_failed(e):
    """These records do not say whether an answer was cut."""
    return not solved(e) and e["ending"] == "agent_error"


def chances(by_task, groups, k):
    """Of each group, the chance of a non-trivial success when k episodes of each task are drawn."""
    missed = {}
    for task, found in by_task.items():
        chance = 0.0 if task in TRIVIAL else pass_at(len(found), sum(map(solved, found)), k)
        missed[groups[task]] = missed.get(groups[task], 1.0) * (1.0 - chance)
    return {group: 1.0 - value for group, value in missed.items()}


def acquired_of(by_task, groups):
    return {groups[t] for t, found in by_task.items() if t not in TRIVIAL and any(map(solved, found))}


def capability(counted, tasks, settings):
    groups, numbers = tasks.groups, tasks.numbers
    once = chances(counted, groups, 1)
    attempted = sorted(once, key=numbers.__getitem__)
    reachable = {groups[t] for t in counted if t not in TRIVIAL}
    acquired = acquired_of(counted, groups)

    def over(values):
        return estimate(values, range(len(values)), settings, kind="capability", plain=True)

    return {
        "source": "published",
        "at_1": over([once[group] for group in attempted]),
        "at_all": over([float(group in acquired) for group in attempted]),
        "most_episodes": max(map(len, counted.values())),
        "reachable_at_1": mean(once[group] for group in reachable) if reachable else None,
        "reachable_at_all": len(acquired) / len(reachable) if reachable else None,
        "groups": len(attempted),
        "groups_in_tasks": len(set(groups.values())),
        "reachable": len(reachable),
        "acquired": len(acquired),
        "trivial_source": "published",
        "acquired_groups": sorted(numbers[group] for group in acquired),
    }


def repeats(counted, tasks, settings):
    outcomes = {t: (len(found), sum(map(solved, found))) for t, found in counted.items()}
    several = {t: (n, c) for t, (n, c) in outcomes.items() if n > 1}
    if not several:
        return None
    keys, most = tasks.keys(several), max(n for n, _ in outcomes.values())

    def at(k):
        enough = {t: (n, c) for t, (n, c) in outcomes.items() if n >= k}
        values = [pass_at(n, c, k) for n, c in enough.values()]
        # Draws of k episodes that have none in common are the trials.
        trials = sum(n // k for n, _ in enough.values())
        return {"k": k, "rate": estimate(values, tasks.keys(enough), settings, share=True, episodes=trials)}

    ks = sorted({most, *(2**i for i in range(most) if 2**i < most)})
    return {
        "n_tasks": len(several),
        "consistency": estimate([float(c in (0, n)) for n, c in several.values()], keys, settings, share=True),
        "all_succeed": estimate([float(c == n) for n, c in several.values()], keys, settings, share=True),
        "pass_at": [at(k) for k in ks],
    }


def step_figures(by_task, tasks, settings):
    counted = counted_of(by_task)
    keys = tasks.keys(counted)
    episodes = [e for found in counted.values() for e in found]
    lengths = [len(e["steps"]) for e in episodes]
    steps = [s for e in episodes for s in e["steps"]]
    means = per_task(counted, lambda e: len(e["steps"]))
    endings = Counter(e["ending"] for found in by_task.values() for e in found)
    return {
        "total": len(steps),
        "mean": estimate(means, keys, settings),
        "median": median(lengths),
        "invalid": sum(s["refused"] for s in steps),
        "unparsable": sum(s["action"] is None for s in steps),
        "invalid_or_unparsable": sum(map(wrong, episodes)),
        "invalid_rate": estimate(per_task(counted, wrong), keys, settings, of=means, bounded=True, proportion=True),
        "early_stops": sum(e["ending"] == "step_limit" for e in episodes),
        "endings": dict(sorted(endings.items())),
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
            self.rows[e["key"]] = [rows(step_text(tasks[e["task"]], step)) for step in steps]
            self.acts[e["key"]] = [act(step) for step in steps]
            if steps and solved(e):
                self.trivial[e["key"]] = [rows(step_text(tasks[e["task"]], {**steps[0], "action": "stop [N/A]"}))]
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
    _, of_task, repeat = reference
    return hashlib.sha256(json.dumps([seed, str(task), run, str(of_task), repeat]).encode()).hexdigest()


def references_of(order, pool, groups, settings, names):
    """The references of each task: successes on other tasks of its capability, some of them drawn."""
    found, most = {}, settings["max_references"]
    for t in order:
        met = [r for r in pool if r[1] != t and groups[r[1]] == groups[t]]
        if most:
            chosen = sorted(met, key=lambda r: drawn_by(settings["seed"], t, names[r[0]], r))[:most]
            met = [r for r in met if r in chosen]
        found[t] = met
    return found


def vertex_figures(counted, pool, references, pairs, tasks, settings):
    order, groups = list(counted), tasks.groups
    most = settings["max_references"]
    referenced = [t for t in order if references[t]]
    tests = {t: [e["key"] for e in counted[t]] for t in referenced}
    mode = settings["vertex"]["mode"]
    best = {key: pairs.best(references[t], key, mode) for t in referenced for key in tests[t]}
    scores = {t: mean(best[key][0] for key in tests[t]) for t in referenced}
    keys = tasks.keys(referenced)

    def by_capability(of, of_one):
        of_group = defaultdict(list)
        for t in of:
            of_group[groups[t]].append(scores[t])
        return mean(of_one(found) for found in of_group.values()) if of_group else None

    def over_tasks(of, *, bounded):
        values = [mean(of(references[t], key) for key in tests[t]) for t in referenced]
        return estimate(values, keys, settings, bounded=bounded)

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
            with_steps = [key for key in tests[t] if pairs.rows[key]]
            if with_steps and candidates:
                other = candidates[rng.integers(len(candidates))]
                drawn.append(mean(pairs.best(references[other], key, mode)[0] for key in with_steps))
    hopeless = {r for r in pool if all(1.0 - z < 1e-3 for z in baseline(pairs.rows[r], pairs.trivial[r]))}
    figures = {
        "mean": over_tasks(lambda found, key: pairs.best(found, key, mode)[0], bounded=mode in ("normalized", "eq1")),
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
        "last_step_cosine": over_tasks(pairs.last_step, bounded=False),
        "action_similarity": over_tasks(pairs.edit, bounded=True),
        "few_references": sum(len(references[t]) < most for t in referenced),
        "no_test": sum(not any(pairs.rows[key] for key in tests[t]) for t in referenced),
        "degenerate": sum(hopeless.issuperset(references[t]) for t in referenced),
        "variants": {
            kind: mean(mean(pairs.best(references[t], key, kind)[0] for key in tests[t]) for t in referenced)
            for kind in ("normalized", "eq1", "released")
        },
        "encoder": settings["encoder"]["id"],
        "step_template": "action_first",
    }
    return figures, best, scores


def recompute(scores, tasks_file, labels_file, cache, runs):
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
    tasks = Tasks(tasks_file, labels_file, scores)
    names = [run["name"] for run in scores["runs"]]
    everything = []
    for i, run in enumerate(runs):
        episodes = [read_episode(record) for record in read_lines(run)]
        episodes = [{**e, "key": (i, e["task"], e["repeat"])} for e in episodes]
        everything.append(of_tasks(episodes, tasks.place))
    counted = [counted_of(by_task) for by_task in everything]
    some = [e for by_task in counted for found in by_task.values() for e in found]
    pairs = Vertex(some, tasks.tasks, Rows(cache, settings["encoder"]["id"]), settings)
    pool = [e["key"] for e in some if solved(e) and e["steps"]]
    references = references_of(tasks.tasks, pool, tasks.groups, settings, names)
    results, of_task = [], []
    for by_task, kept in zip(everything, counted, strict=True):
        figures, best, found = vertex_figures(kept, pool, references, pairs, tasks, settings)
        of_task.append(found)
        results.append(
            {
                "n_tasks": len(by_task),
                "n_repeats": max(map(len, by_task.values())),
                "functional_correctness": headline(by_task, tasks, settings),
                "capability": capability(kept, tasks, settings),
                "vertex_dtw": figures,
                "repeats": repeats(kept, tasks, settings),
                "steps": step_figures(by_task, tasks, settings),
                "sites": site_rows(by_task, found, tasks, settings),
                "episodes": [
                    episode_row(e, best.get(e["key"]), tasks, names) for found in by_task.values() for e in found
                ],
            }
        )
    return {"runs": results, "comparisons": comparisons(results, everything, of_task, tasks, names, settings)}


def site_rows(by_task, scores, tasks, settings):
    rows = []
    for name in sorted(set(map(tasks.site, by_task))):
        here = {t: found for t, found in by_task.items() if tasks.site(t) == name}
        kept, scored = counted_of(here), [t for t in here if t in scores]
        bounded = settings["vertex"]["mode"] in ("normalized", "eq1")
        rows.append(
            {
                "site": name,
                "functional_correctness": functional(here, tasks, settings),
                "vertex_dtw": estimate([scores[t] for t in scored], tasks.keys(scored), settings, bounded=bounded)
                if scored
                else None,
                "n_referenced": len(scored),
                "mean_steps": mean(per_task(kept, lambda e: len(e["steps"]))) if kept else None,
            }
        )
    return rows


def episode_row(e, match, tasks, names):
    score, reference = match or (None, None)
    return {
        "task": str(e["task"]),
        "repeat": e["repeat"],
        "objective": tasks.tasks[e["task"]]["intent"],
        "site": tasks.site(e["task"]),
        "capability": tasks.numbers[tasks.groups[e["task"]]],
        "trivial": e["task"] in TRIVIAL,
        "score": e["score"],
        "success": None if e["score"] is None else solved(e),
        "vertex_dtw": score,
        "reference": None if reference is None else f"{reference[1]}#{reference[2]}",
        "reference_run": None if reference is None else names[reference[0]],
        "steps": len(e["steps"]),
        "invalid": sum(s["refused"] for s in e["steps"]),
        "unparsable": sum(s["action"] is None for s in e["steps"]),
        "ending": e["ending"],
    }


def comparisons(results, everything, of_task, tasks, names, settings):
    """Each run with those before it, over the tasks with a counted episode in all of them."""
    usable = [i for i, run in enumerate(results) if not run["functional_correctness"]["withheld"]]
    if len(usable) < 2:
        return []
    counted = {i: counted_of(everything[i]) for i in usable}
    common = [t for t in tasks.tasks if all(t in counted[i] for i in usable)]
    attempted = {t for i in usable for t in everything[i]}
    ours = {i: {t: counted[i][t] for t in common} for i in usable}
    k = min(len(found) for by_task in ours.values() for found in by_task.values())
    first = {i: {t: found[:k] for t, found in by_task.items()} for i, by_task in ours.items()}
    rates = {i: per_task(by_task, solved) for i, by_task in ours.items()}
    referenced = [t for t in common if all(t in of_task[i] for i in usable)]
    pairs = [(run, base) for base, run in combinations(usable, 2)]
    success = compared([differ(rates[run], rates[base]) for run, base in pairs], tasks.keys(common), settings)
    rows = [differ(*([of_task[i][t] for t in referenced] for i in pair)) for pair in pairs]
    closeness = compared(rows, tasks.keys(referenced), settings)
    found = []
    for (run, base), of_success, of_score in zip(pairs, success, closeness, strict=True):
        done = [{t for t, e in first[i].items() if any(map(solved, e))} for i in (run, base)]
        single = settings["cluster"] == "task" and all(len(e) == 1 for i in (run, base) for e in ours[i].values())
        only = len(done[0] - done[1]), len(done[1] - done[0])
        now, before = ({tasks.numbers[g] for g in acquired_of(first[i], tasks.groups)} for i in (run, base))
        at_k = [mean(chances(ours[i], tasks.groups, k).values()) for i in (run, base)]
        found.append(
            {
                "run": names[run],
                "baseline": names[base],
                "n_tasks": len(common),
                "left_out": len(attempted) - len(common),
                "functional_correctness": difference_row(of_success, mcnemar(*only) if single else None),
                "only_run": only[0],
                "only_baseline": only[1],
                "episodes": k,
                "vertex_dtw": difference_row(of_score, None),
                "capability": {
                    "episodes": k,
                    "run_at_k": at_k[0],
                    "baseline_at_k": at_k[1],
                    "acquired": sorted(now - before),
                    "lost": sorted(before - now),
                    "kept": sorted(now & before),
                    "net": len(now) - len(before),
                },
                "steps_ratio": ratio(ours[run], ours[base], lambda e: len(e["steps"]), tasks, settings),
                "invalid_ratio": ratio(ours[run], ours[base], wrong, tasks, settings),
            }
        )
    return found


def differ(ours, theirs):
    """Differences; those that are rounding are none."""
    return [a - b if abs(a - b) > 1e-12 * max(abs(a), abs(b)) else 0.0 for a, b in zip(ours, theirs, strict=True)]


def difference_row(paired, mcnemar_p):
    error = paired["standard_error"]
    detectable = (NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(0.8)) * error if error else None
    needed = {}
    if error:
        needed = {f"{d:.2f}": math.ceil(paired["n"] * (detectable / d) ** 2) for d in (0.02, 0.05, 0.1)}
    return {"paired": paired, "mcnemar_p": mcnemar_p, "detectable": detectable, "tasks_needed": needed}


def ratio(ours, theirs, of, tasks, settings):
    above, below = per_task(ours, of), per_task(theirs, of)
    return estimate(above, tasks.keys(ours), settings, of=below) if any(below) else None


def published_numbers(scores, groups):
    """The product's label of each component; it must be one-to-one, and that is checked."""
    numbers = {}
    for run in scores["runs"]:
        for row in run["episodes"]:
            group = groups[int(row["task"])]
            assert numbers.setdefault(group, row["capability"]) == row["capability"], f"task {row['task']}: other group"
    assert len(set(numbers.values())) == len(numbers), "two components share a label"
    return numbers


# ---- both beside each other --------------------------------------------------------------------------------------


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
            values[name].append(value is not None if name.split(".")[-1] in SAID else value)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        same_length = len(ours[name]) == len(theirs[name])
        found[name] = max(map(difference, ours[name], theirs[name])) if same_length else math.inf
    return found


def difference(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and isinstance(a, bool) == isinstance(b, bool):
        return abs(a - b)
    return 0.0 if a == b else math.inf


def main(scores_file, tasks, labels, cache, *runs):
    scores = read_json(scores_file)
    assert len(scores["runs"]) == len(runs) and scores["baseline"] is None, "expected the runs that were evaluated"
    of_runs = [{key: value for key, value in run.items() if key not in NOT_RECOMPUTED} for run in scores["runs"]]
    found = differences(
        recompute(scores, tasks, labels, cache, runs), {"runs": of_runs, "comparisons": scores["comparisons"]}
    )
    wrong = {name for name, largest in found.items() if not largest <= TOLERANCES.get(name, TOLERANCE)}
    for name, largest in found.items():
        print(f"{largest:9.2e}  {name}{'   <-- differs' if name in wrong else ''}")
    print(f"{len(found)} figures, largest difference {max(found.values()):.2e} (tolerance {TOLERANCE:g})")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
