"""From the numbers of all rounds to medians, latest.json and latest.md."""

import json
import statistics

from compare import goals
from compare.servers import TITLES

PEERS = ("apache", "nginx", "lighttpd", "go")


def summary(rounds):
    """Medians over the rounds of one row on one server."""
    right = [numbers for numbers in rounds if "failed" not in numbers]
    if not right:
        return {"failed": rounds[0]["failed"]} if rounds else {"failed": "not run"}

    def middle(key):
        return statistics.median(numbers[key] for numbers in right)

    rates = [numbers["per_s"] for numbers in right]
    operations = sum(numbers["all_operations"] for numbers in right)
    result = {
        "per_s": middle("per_s"),
        "spread": (max(rates) - min(rates)) / middle("per_s") if middle("per_s") else 0,
        "p50_us": middle("p50_us"),
        "p99_us": middle("p99_us"),
        "cpu_s_per_1000": 1000 * sum(numbers["cpu_s"] for numbers in right) / max(operations, 1),
        "client_cpu_share": middle("client_cpu_share"),
        "rounds": len(right),
        "wrong": sum(numbers["wrong"] for numbers in right),
    }
    failed = [numbers["failed"] for numbers in rounds if "failed" in numbers]
    if failed:
        result["failed_rounds"] = failed
    return result


class Report:
    def __init__(self, environment, rows, names):
        self.environment = environment
        self.rows = rows      # [(id, title, connections, flushes)]
        self.names = names    # servers, in order
        self.rounds = {}      # {row: {server: [numbers]}}
        self.flush = []       # probes of the disk
        self.memory = {}      # {server: {"peak": bytes, "end": bytes}}
        self.notes = {}       # {server: {what: text}}

    def add(self, row, server, numbers):
        if "seconds" in numbers:
            numbers["client_cpu_share"] = numbers["client_cpu_s"] / max(numbers["seconds"], 1e-9)
        self.rounds.setdefault(row, {}).setdefault(server, []).append(numbers)

    def flush_ms(self):
        return statistics.median(probe["p50_ms"] for probe in self.flush)

    def result(self):
        """Everything of latest.json."""
        peers = [name for name in self.names if name in PEERS]
        rows = []
        for row, title, connections, flushes in self.rows:
            cells = {name: summary(runs) for name, runs in self.rounds.get(row, {}).items()}
            if not cells:
                continue
            best = goals.best_peer(cells, peers)
            ceiling = connections / flushes / (self.flush_ms() / 1000) if flushes else None
            ratios = {}
            for mode in ("full", "relaxed"):
                ours = cells.get(mode, {}).get("per_s")
                if ours is not None:
                    ratios[mode] = {name: ours / cells[name]["per_s"] for name in peers
                                    if cells.get(name, {}).get("per_s")}
                    if best:
                        ratios[mode]["best"] = ratios[mode][best]
            judged = goals.judge(row, cells, peers, self.flush_ms(), ceiling)
            rows.append({"id": row, "title": title, "connections": connections, "cells": cells,
                         "best": best, "ratios": ratios, "ceiling_per_s": ceiling,
                         "goal": goals.text(row), "met": None if judged is None else judged[0],
                         "why": "" if judged is None else judged[1],
                         "rounds": self.rounds[row]})
        return {"environment": self.environment, "flush_ms": self.flush_ms(),
                "flush_probes": self.flush, "servers": self.names, "rows": rows,
                "memory": self.memory, "notes": self.notes}


def write_json(result, path):
    with open(path, "w") as out:
        json.dump(result, out, indent=1)
        out.write("\n")


def is_tree(row):
    return row["id"].startswith("tree-")


def rate(row, cell):
    if "per_s" not in cell:
        return "–"
    if is_tree(row):
        return f"{cell['p50_us'] / 1000:,.1f} ms"
    return f"{cell['per_s']:,.0f}" if cell["per_s"] >= 100 else f"{cell['per_s']:,.1f}"


def micros(value):
    return f"{value / 1000:,.2f} ms" if value < 100_000 else f"{value / 1000:,.0f} ms"


def table(head, lines):
    text = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines)


def named(row):
    return row["title"] if is_tree(row) else f"{row['title']} ({row['connections']})"


def times(ratio):
    return "–" if ratio is None else f"{ratio:.2f}"


def overview(result):
    names = result["servers"]
    head = ["scenario (connections)"] + [TITLES[name] for name in names]
    head += ["full ÷ best", "relaxed ÷ best", "goal", "met", "disk's ceiling"]
    lines = []
    for row in result["rows"]:
        line = [named(row)]
        for name in names:
            cell = rate(row, row["cells"].get(name, {}))
            line.append(f"**{cell}**" if name == row["best"] else cell)
        for mode in ("full", "relaxed"):
            line.append(times(row["ratios"].get(mode, {}).get("best")))
        line.append(row["goal"])
        line.append({None: "", True: "yes", False: "no"}[row["met"]]
                    + (f" ({row['why']})" if row["why"] else ""))
        ceiling = row["ceiling_per_s"]
        line.append(f"{ceiling:,.0f}" if ceiling and not is_tree(row) else "")
        lines.append(line)
    return table(head, lines)


def details(result):
    lines = []
    for row in result["rows"]:
        for name in result["servers"]:
            cell = row["cells"].get(name)
            if cell is None:
                continue
            if "per_s" not in cell:
                lines.append([named(row), TITLES[name], "–", "", "", "", "", cell["failed"]])
                continue
            ratios = [f"{TITLES[peer]} {times(ratio)}"
                      for peer, ratio in row["ratios"].get(name, {}).items() if peer != "best"]
            remarks = list(ratios)
            if cell["wrong"]:
                remarks.append(f"{cell['wrong']} wrong answers not counted")
            remarks += cell.get("failed_rounds", [])
            if cell["client_cpu_share"] > 0.95 and not is_tree(row):
                remarks.append("the load generator was at its limit")
            lines.append([named(row), TITLES[name], rate(row, cell), f"{cell['spread']:.0%}",
                          micros(cell["p50_us"]), micros(cell["p99_us"]),
                          f"{cell['cpu_s_per_1000']:.3f}", ", ".join(remarks)])
    return table(["scenario", "server", "a second", "spread", "p50", "p99", "CPU s per 1,000",
                  "ratio to each peer, remarks"], lines)


def write_markdown(result, path, plot):
    where = result["environment"]
    probes = [probe["p99_ms"] for probe in result["flush_probes"]]
    text = f"""# Side by side

{where['date']}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, {where['disk']}.
Rounds in alternation: {where['rounds']}, {where['duration_s']:g} s each after {where['warmup_s']:g} s of warm-up; medians.
Load average before the run {where['load_before']}, after it {where['load_after']}.

| server | version |
|---|---|
""" + "".join(f"| {TITLES[name]} | {where['versions'][name]} |\n" for name in result["servers"])
    text += f"""
A flush of 4 KiB takes this disk {result['flush_ms']:.2f} ms (median; p99 {max(probes):.2f} ms). Connections ÷ that ÷ flushes per operation is the *disk's ceiling*
of a server that flushes once per request; grouping requests into one flush can beat it.

Operations a second; the best right peer in bold. An operation is all its steps (a save is LOCK, PUT and UNLOCK). Trees: time of the one request.
Holdfast full flushes every acknowledged write; no peer flushes anything.

"""
    if any(row["ratios"] for row in result["rows"]):
        text += f"![ratio to the best peer]({plot})\n\n"
    text += overview(result)
    text += "\n## Memory\n\nResident, summed over a server's processes (pages shared by workers count in each).\n\n"
    text += table(["server", "peak", "after the suite"],
                  [[TITLES[name], f"{memory['peak'] / 2**20:.0f} MiB",
                    f"{memory['end'] / 2**20:.0f} MiB"] for name, memory in result["memory"].items()])
    remarks = [f"- {TITLES[name]}: {note}\n" for name, notes in result["notes"].items()
               for note in notes.values()]
    if remarks:
        text += "\n## Remarks\n\n" + "".join(remarks)
    text += "\n## Every number\n\n" + details(result)
    with open(path, "w") as out:
        out.write(text)
