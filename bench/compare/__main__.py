"""bench/run, once everything is installed and built. See --help."""

import argparse
import datetime
import http.client
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time

from compare import measure, plot, report, scale
from compare.client import Wrong
from compare.scenarios import Tree, scenarios
from compare.servers import ALL, TITLES, remove


def arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures Holdfast and its peers side by side and writes "
        "bench/results/latest.md, latest.json and latest.svg.")
    parser.add_argument("--quick", action="store_true",
                        help="one short round of everything, under 3 minutes")
    parser.add_argument("--scale", action="store_true",
                        help="instead: 1,000,000 resources, 100,000 locks, 10,000 connections")
    parser.add_argument("--resources", type=int, metavar="N", default=1_000_000,
                        help="for --scale: in the large store, a tenth of them locked; and members "
                        "of the wide collection (default 1,000,000)")
    parser.add_argument("--only", metavar="REGEX", default="",
                        help="only scenarios whose id matches (put|lock, ^get, tree)")
    parser.add_argument("--servers", metavar="LIST", default="",
                        help="of " + ",".join(server.name for server in ALL))
    parser.add_argument("--rounds", type=int, metavar="N", help="default 5; 1 with --quick")
    parser.add_argument("--seconds", type=float, metavar="S", help="per cell; default 2")
    parser.add_argument("--data", metavar="DIR", default="/var/tmp",
                        help="where the servers' data is made and removed (default /var/tmp)")
    parser.add_argument("--results", metavar="DIR", help="default bench/results")
    parser.add_argument("--list", action="store_true", help="print the ids of the scenarios")
    for tool in ("load", "holdfast", "peers", "go", "root"):
        parser.add_argument("--tool-" + tool, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def cpu_model():
    with open("/proc/cpuinfo") as info:
        match = re.search(r"model name\s*:\s*(.*)", info.read())
    return match[1] if match else platform.machine()


def disk_of(folder):
    """File system type and device below a folder."""
    device = os.stat(folder).st_dev
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == f"{os.major(device)}:{os.minor(device)}":
                after = fields.index("-")
                return f"{fields[after + 1]} on {fields[after + 2]}"
    return "unknown disk"


def revision(root):
    """The commit that is measured, with a plus when files differ from it."""
    answer = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty=+"],
                            capture_output=True, text=True, check=False)
    return f" at {answer.stdout.strip()}" if answer.returncode == 0 else ""


def loads():
    return "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())


class Progress:
    """One line on a terminal; elsewhere a line per scenario, and one when five seconds have passed."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.began = time.monotonic()
        self.shown = None
        self.shown_at = 0

    def show(self, text, step=1):
        self.done += step
        elapsed = time.monotonic() - self.began
        line = f"[{self.done}/{self.total} {elapsed:4.0f}s] {text}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif text.split(" ")[0] != self.shown or elapsed > self.shown_at + 5:
            print(line, file=sys.stderr, flush=True)
            self.shown_at = elapsed
        self.shown = text.split(" ")[0]

    def end(self):
        if sys.stderr.isatty():
            print(file=sys.stderr)


def run_cell(tools, server, scenario, round, timing, folder):
    """{row: numbers}; a refusal or a wrong answer becomes {"failed": why}."""
    rows = scenario.rows or (scenario.id,)
    try:
        scenario.prepare(tools, server, round)
        if (scenario.id, "checked") not in server.prepared:
            scenario.check(tools, server)
            server.prepared.add((scenario.id, "checked"))
        if scenario.writes:
            measure.settle(folder)
        results = scenario.measure(tools, server, round, timing)
        for numbers in results.values():
            if "failed" in numbers:
                continue
            if numbers["wrong"] > numbers["all_operations"] * 0.001:
                numbers["failed"] = ", ".join(f"{why} × {count}"
                                              for why, count in numbers["reasons"].items())
        if not any("failed" in numbers for numbers in results.values()):
            scenario.verify(server, round, next(iter(results.values())))
        return results
    except (Wrong, OSError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
        if not server.alive():
            why = f"the server ended: {server.output()[-300:]}"
            server.stop()
            server.start()  # the other scenarios still count
        return {row: {"failed": why.replace("\n", " ")} for row in rows}


def choose_servers(names):
    wanted = [name for name in names.split(",") if name]
    unknown = set(wanted) - {server.name for server in ALL}
    if unknown:
        raise SystemExit(f"bench/run: no server named {', '.join(sorted(unknown))}")
    return [server for server in ALL if not wanted or server.name in wanted]


def row_list(chosen):
    rows = []
    for scenario in chosen:
        if isinstance(scenario, Tree):
            rows += [(row, Tree.titles[row], 1 if row != "tree-create" else 16, 0)
                     for row in Tree.rows]
        else:
            rows.append((scenario.id, scenario.title, scenario.connections, scenario.flushes))
    return rows


def side_by_side(options, tools, folder, results):
    rounds = options.rounds or (1 if options.quick else 5)
    timing = measure.Timing(0.1, options.seconds or 0.4) if options.quick else measure.Timing(
        0.3, options.seconds or 2.0)
    chosen = [scenario for scenario in scenarios(10_000 if options.quick else 100_000)
              if re.search(options.only, scenario.id)]
    if not chosen:
        raise SystemExit(f"bench/run: no scenario matches {options.only}")
    servers = [kind(tools, folder) for kind in choose_servers(options.servers)]
    names = [server.name for server in servers]
    environment = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(), "cpu": cpu_model(), "kernel": platform.release(),
        "disk": disk_of(folder), "rounds": rounds, "warmup_s": timing.warmup_s,
        "duration_s": timing.duration_s, "load_before": loads(), "quick": options.quick,
    }
    out = report.Report(environment, row_list(chosen), names)
    progress = Progress(rounds * len(chosen) * len(servers))
    try:
        for server in servers:
            server.start()
        environment["versions"] = {server.name: server.version() for server in servers}
        for scenario in chosen:
            for round in range(rounds):
                measure.settle(folder)
                out.flush.append(measure.flush_latency(folder))
                # Each round begins with another server.
                turn = round % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    cells = run_cell(tools, server, scenario, round, timing, folder)
                    for row, numbers in cells.items():
                        out.add(row, server.name, numbers)
                    last = list(cells.values())[-1]
                    shown = last.get("failed") or f"{last['per_s']:,.0f}/s"
                    progress.show(f"{scenario.id} round {round + 1}: {TITLES[server.name]} {shown}")
        for server in servers:
            out.memory[server.name] = {"peak": server.memory("VmHWM"),
                                       "end": server.memory("VmRSS")}
            if server.notes:
                out.notes[server.name] = server.notes
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # cleaning up takes a moment
        progress.end()
        for server in servers:
            server.stop()
    environment["load_after"] = loads()
    result = out.result()
    report.write_json(result, os.path.join(results, "latest.json"))
    plot.write_svg(result, os.path.join(results, "latest.svg"))
    report.write_markdown(result, os.path.join(results, "latest.md"), "latest.svg")
    print(report.overview(result))
    print(f"flush latency {result['flush_ms']:.2f} ms; written to {results}/latest.md")


def main():
    options = arguments()
    if options.list:
        print("\n".join(scenario.id for scenario in scenarios(100_000)))
        return
    tools = {name: getattr(options, "tool_" + name) for name in ("load", "holdfast", "peers", "go")}
    tools["revision"] = revision(options.tool_root)
    results = options.results or os.path.join(options.tool_root, "bench", "results")
    os.makedirs(results, exist_ok=True)
    # SIGTERM ends a run as Ctrl-C does: servers stopped, data removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="holdfast-bench-", dir=options.data)
    os.chmod(folder, 0o755)  # Apache serves as another user
    try:
        if options.scale:
            scale.run(options, tools, folder, results, choose_servers)
        else:
            side_by_side(options, tools, folder, results)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        remove(folder)


main()
