"""What Holdfast is required to reach, row by row, and how a measured row is judged."""

FLUSHED_SHARE = 0.7  # of connections / flush latency: passes where that ceiling is what limits


class Goal:
    """At least `full` times `against` in full durability, `relaxed` times in relaxed; or at most so
    many milliseconds."""

    def __init__(self, full, relaxed=None, against="best", extra=(), most_ms=None, over_flush=None):
        self.full = full
        self.relaxed = relaxed
        self.against = against
        self.extra = extra            # further (against, ratio)
        self.most_ms = most_ms        # p50
        self.over_flush_ms = over_flush  # p50 at most the flush latency and this


READ = Goal(1.0, against="nginx")
LISTING = Goal(1.0)
GOALS = {
    "get-1k": READ, "get-1k-many": READ, "head": READ, "head-many": READ, "options": READ,
    "get-1m": READ, "get-64m": READ,
    "propfind-0": Goal(0.8), "propfind-0-many": Goal(0.8),
    "propfind-1-100": LISTING, "propfind-1-1000": LISTING, "propfind-1-10000": LISTING,
    "put-over": Goal(2.0),
    "put-new-16": Goal(0.5, 1.0), "put-new-64": Goal(0.8, 1.0),
    "put-1m": Goal(0.5, 1.0),
    "mkcol": Goal(0.8, 1.0), "proppatch": Goal(0.8, 1.0),
    "copy": Goal(0.4, 1.0), "put-delete": Goal(0.4, 1.0),
    "move": Goal(0.3, 0.8),
    "lock-unlock": Goal(0.4, against="nginx", extra=(("lighttpd", 10.0),)),
    "save": Goal(2.0),
    "put-over-one": Goal(None, over_flush=0.3), "put-new-one": Goal(None, over_flush=0.3),
    "save-one": Goal(None, over_flush=0.3),
    "tree-copy": Goal(1.0), "tree-delete": Goal(1.0), "tree-propfind": Goal(1.0),
    "tree-move": Goal(None, most_ms=10.0),
}


def best_peer(cells, peers):
    """The name of the fastest peer with a right answer; None when there is none."""
    right = [name for name in peers if "per_s" in cells.get(name, {})]
    return max(right, key=lambda name: cells[name]["per_s"]) if right else None


def text(row):
    goal = GOALS.get(row)
    if goal is None:
        return ""
    if goal.most_ms is not None:
        return f"≤ {goal.most_ms:g} ms"
    if goal.over_flush_ms is not None:
        return f"p50 ≤ flush + {goal.over_flush_ms:g} ms"
    parts = [f"≥ {goal.full:g} × {goal.against}"]
    parts += [f"≥ {ratio:g} × {name}" for name, ratio in goal.extra]
    if goal.relaxed is not None:
        parts.append(f"relaxed ≥ {goal.relaxed:g}")
    return ", ".join(parts)


def judge(row, cells, peers, flush_ms, ceiling):
    """(met, why) for what can be judged of this row; None when nothing can."""
    goal = GOALS.get(row)
    if goal is None or ("full" not in cells and "relaxed" not in cells):
        return None
    verdicts = []
    full = cells.get("full", {})
    if "full" in cells and "per_s" not in full:
        return False, full.get("failed", "no result")
    if goal.most_ms is not None and full:
        verdicts.append((full["p50_us"] / 1000 <= goal.most_ms, ""))
    elif goal.over_flush_ms is not None and full:
        verdicts.append((full["p50_us"] / 1000 <= flush_ms + goal.over_flush_ms,
                         f"{full['p50_us'] / 1000:.2f} ms, flush {flush_ms:.2f} ms"))
    elif goal.full is not None:
        wanted = [("full", goal.against, goal.full)]
        wanted += [("full", name, ratio) for name, ratio in goal.extra]
        if goal.relaxed is not None:
            wanted.append(("relaxed", "best", goal.relaxed))
        for mode, name, ratio in wanted:
            against = best_peer(cells, peers) if name == "best" else name
            ours, theirs = cells.get(mode, {}), cells.get(against, {})
            if "per_s" not in theirs or "per_s" not in ours:
                continue
            least = ratio * theirs["per_s"]
            if ours["per_s"] >= least:
                verdicts.append((True, ""))
            elif mode == "full" and ceiling is not None and ceiling < least:
                # The disk allows no more than this, however the server is written.
                verdicts.append((ours["per_s"] >= FLUSHED_SHARE * ceiling,
                                 f"{ours['per_s'] / ceiling:.0%} of the disk's ceiling"))
            else:
                verdicts.append((False, f"{mode} {ours['per_s'] / theirs['per_s']:.2f} × {against}"))
    if not verdicts:
        return None
    reasons = [why for met, why in verdicts if why and not met] or [why for _, why in verdicts if why]
    return all(met for met, _ in verdicts), "; ".join(reasons)
