"""--scale: what a large store costs. The small scenarios on a server with 1,000,000 resources and
100,000 live locks, against the same on one with 1,000 resources and none; then one collection of
1,000,000 members moved and listed; then 10,000 idle connections."""

import json
import os
import re
import socket
import statistics
import threading
import time

from compare import measure
from compare.client import Wrong
from compare.measure import fill, load
from compare.report import table
from compare.scenarios import (LOCK, PROPFIND, XML, Copy, LockUnlock, MakeCollection, Move,
                               PropPatch, PutDelete, PutNew, PutOver, Read, Save, collection,
                               collections, once)
from compare.servers import TITLES

IDLE_CONNECTIONS = 10_000
LEAST_RATIO = 0.8
MOST_MOVE_MS = 10
MOST_FIRST_BYTE_MS = 100
MOST_LISTING_MIB = 32
FILLERS = 64  # connections that fill a store
FEW_FILES = 1000
# Not the same requests on both stores: these ask for any file there is.
ANY_FILE = "-any"


def small_scenarios(files):
    depth_0 = {"fields": "field Depth: 0\n" + XML, "text": PROPFIND}
    return [
        Read(id + end, title + which, 16, method, many=many, **more)
        for end, which, many in [("", ", 1,000 files", FEW_FILES), (ANY_FILE, ", any file", files)]
        for id, title, method, more in [("get-1k", "GET 1 KiB", "GET", {}),
                                        ("head", "HEAD", "HEAD", {}),
                                        ("propfind-0", "PROPFIND Depth 0", "PROPFIND", depth_0)]
    ] + [
        PutNew("put-new-16", "PUT 1 KiB new", 16),
        PutOver("put-over", "PUT 1 KiB over existing", 16),
        MakeCollection("mkcol", "MKCOL", 16),
        PropPatch("proppatch", "PROPPATCH", 16),
        Copy("copy", "COPY of a file", 16),
        Move("move", "MOVE of a file", 16),
        PutDelete("put-delete", "PUT + DELETE", 16),
        LockUnlock("lock-unlock", "LOCK + UNLOCK", 16),
        Save("save", "editor's save", 16),
    ]


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def fill_files(tools, server, parent, files):
    """parent/{folder}/{file}.txt, 1,000 to a folder."""
    collections(tools, server, parent, files // 1000)
    fill(tools, server, parent + "{folder}/{file}.txt", files, per_folder=1000,
         connections=FILLERS)


def fill_large(tools, server, resources, locks):
    say(f"{resources:,} resources")
    once(server, "many", lambda: fill_files(tools, server, "/many/", resources - locks))
    fill_files(tools, server, "/locked/", locks)
    say(f"{locks:,} locks")
    plan = (f"connections 16\noperations {locks}\nsequence\nper_folder 1000\nwrong_limit 1\n"
            f"step LOCK /locked/{{folder}}/{{file}}.txt\nfield Timeout: Second-3600\n{XML}"
            f"text {LOCK}\nexpect 200\n")
    if load(tools, server, plan)["wrong"]:
        raise Wrong("not every LOCK was granted")


class Watch:
    """The server's resident memory while something runs: `before` and `peak`, in bytes."""

    def __enter__(self):
        self.before = self.peak = self.server.memory("VmRSS")
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __init__(self, server):
        self.server = server

    def look(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, self.server.memory("VmRSS"))

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def wide_collection(tools, server, members):
    """Rows about one collection of so many members."""
    say(f"a collection of {members:,} members")
    collection(server, "/wide-0/")
    fill(tools, server, "/wide-0/{item}.txt", members, connections=FILLERS)
    measure.settle(server.folder)
    moves = load(tools, server, "connections 1\noperations 10\nwrong_limit 1\nstall_s 300\n"
                 "step MOVE /wide-{even}/\nfield Destination: http://{host}/wide-{odd}/\n"
                 "expect 201 204\n")
    if moves["wrong"]:
        raise Wrong(f"MOVE: {moves['reasons']}")
    with Watch(server) as memory:
        listing = load(tools, server, "connections 1\noperations 1\nwrong_limit 1\nstall_s 300\n"
                       f"step PROPFIND /wide-0/\nfield Depth: 1\n{XML}text {PROPFIND}\n"
                       f"expect 207\nlength_at_least {members * 100}\n")
    if listing["wrong"]:
        raise Wrong(f"PROPFIND: {listing['reasons']}")
    return {"move_p50_ms": moves["p50_us"] / 1000, "move_max_ms": moves["max_us"] / 1000,
            "listing_first_byte_ms": listing["first_byte_p50_us"] / 1000,
            "listing_total_s": listing["seconds"], "listing_bytes": listing["body_bytes"],
            "listing_memory_bytes": memory.peak - memory.before}


def idle(tools, server, count, timing):
    """GET of one file beside so many open connections that have asked once and wait."""
    say(f"{count:,} idle connections")
    fill(tools, server, "/idle.txt", 1)
    plan = f"connections 16\n{timing}step GET /idle.txt\nexpect 200\nlength 1024\n"
    alone = load(tools, server, plan)
    before = server.memory("VmRSS")
    request = b"HEAD /idle.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    sockets = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(request)
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise Wrong(f"connection {len(sockets) + 1} got no answer")
            sockets.append(connection)
        beside = load(tools, server, plan)
        after = server.memory("VmRSS")
        still = 0
        for connection in sockets:
            connection.setblocking(False)
            try:
                still += connection.recv(1) != b""
            except BlockingIOError:
                still += 1
    finally:
        for connection in sockets:
            connection.close()
    return {"alone_per_s": alone["per_s"], "beside_per_s": beside["per_s"],
            "beside_p99_us": beside["p99_us"], "still_open": still,
            "bytes_per_connection": (after - before) / count, "wrong": beside["wrong"]}


def compare_stores(options, tools, folder, kind, rounds, timing, resources, locks):
    """{scenario: medians} and the large server, still running."""
    small = kind(tools, os.path.join(folder, "small"))
    large = kind(tools, os.path.join(folder, "large"))
    small.name, large.name = "small", "large"
    sides = [(small, small_scenarios(FEW_FILES)), (large, small_scenarios(resources - locks))]
    try:
        for server, _ in sides:
            server.start()
        fill_large(tools, large, resources, locks)
        rows = {}
        for at in range(len(sides[0][1])):
            row = sides[0][1][at]
            if not re.search(options.only, row.id):
                continue
            say(row.title)
            for round in range(rounds):
                for server, list_of in sides if round % 2 == 0 else sides[::-1]:
                    scenario = list_of[at]
                    scenario.prepare(tools, server, round)
                    if round == 0:
                        scenario.check(tools, server)
                    measure.settle(folder)
                    numbers = scenario.measure(tools, server, round, timing)[row.id]
                    if numbers["wrong"]:
                        raise Wrong(f"{row.id}: {numbers['reasons']}")
                    scenario.verify(server, round, numbers)
                    rows.setdefault(row.id, {"title": row.title}).setdefault(
                        server.name, []).append(numbers)
        return rows, large
    except BaseException:
        large.stop()
        raise
    finally:
        small.stop()


def yes(met):
    return "yes" if met else "no"


def write(results, name, result):
    with open(os.path.join(results, f"scale-{name}.json"), "w") as out:
        json.dump(result, out, indent=1)
        out.write("\n")
    lines = []
    for id, row in result["rows"].items():
        small, large = (statistics.median(numbers["per_s"] for numbers in row[side])
                        for side in ("small", "large"))
        lines.append([row["title"], f"{small:,.0f}", f"{large:,.0f}", f"{large / small:.2f}",
                      "" if id.endswith(ANY_FILE) else yes(large >= LEAST_RATIO * small)])
    text = f"# {TITLES[name]} with a large store\n\n{result['date']}, {os.cpu_count()} cores, version {result['version']}.\n\n"
    text += (f"Operations a second with 1,000 resources and no lock, and with "
             f"{result['resources']:,} resources and {result['locks']:,} live locks. The requests are "
             f"the same on both, except those for any file: of {FEW_FILES:,} on one, of "
             f"{result['resources'] - result['locks']:,} on the other.\n\n")
    text += table(["scenario (16 connections)", "small", "large", "large ÷ small",
                   f"≥ {LEAST_RATIO}"], lines)
    wide, waiting, memory = result["wide"], result["idle"], result["memory"]
    slowdown = waiting["beside_per_s"] / waiting["alone_per_s"]
    added = wide["listing_memory_bytes"] / 2**20
    text += "\n" + table(["", "measured", "wanted", "met"], [
        [f"MOVE of a collection with {result['resources']:,} descendants, p50",
         f"{wide['move_p50_ms']:.1f} ms", f"≤ {MOST_MOVE_MS} ms",
         yes(wide["move_p50_ms"] <= MOST_MOVE_MS)],
        ["its listing at Depth 1: first byte", f"{wide['listing_first_byte_ms']:.0f} ms",
         f"≤ {MOST_FIRST_BYTE_MS} ms", yes(wide["listing_first_byte_ms"] <= MOST_FIRST_BYTE_MS)],
        ["... the whole", f"{wide['listing_total_s']:.1f} s, "
         f"{wide['listing_bytes'] / 2**20:,.0f} MiB", "", ""],
        ["... memory it adds", f"{added:.1f} MiB", f"≤ {MOST_LISTING_MIB} MiB",
         yes(added <= MOST_LISTING_MIB)],
        [f"GET beside {result['idle_connections']:,} idle connections",
         f"{waiting['beside_per_s']:,.0f}/s, {slowdown:.2f} × alone, "
         f"p99 {waiting['beside_p99_us'] / 1000:.2f} ms", "", ""],
        ["... still open afterwards", f"{waiting['still_open']:,}", "", ""],
        ["... memory each", f"{waiting['bytes_per_connection'] / 1024:.1f} KiB", "", ""],
        ["resident at the end (peak)", f"{memory['end'] / 2**20:.0f} MiB "
         f"({memory['peak'] / 2**20:.0f} MiB)", "", ""]])
    with open(os.path.join(results, f"scale-{name}.md"), "w") as out:
        out.write(text)
    print(text)


def run(options, tools, folder, results, choose_servers):
    """One server kind after the other; Holdfast full unless --servers says otherwise."""
    resources = options.resources
    locks = resources // 10
    rounds = options.rounds or (1 if options.quick else 3)
    timing = measure.Timing(0.2, options.seconds or (0.5 if options.quick else 2.0))
    for kind in choose_servers(options.servers or "full"):
        say(f"--- {TITLES[kind.name]}")
        rows, server = compare_stores(options, tools, folder, kind, rounds, timing, resources,
                                      locks)
        try:
            result = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
                      "version": server.version(), "resources": resources, "locks": locks,
                      "rows": rows,
                      "idle_connections": IDLE_CONNECTIONS,
                      "wide": wide_collection(tools, server, resources),
                      "idle": idle(tools, server, IDLE_CONNECTIONS, timing),
                      "memory": {"peak": server.memory("VmHWM"), "end": server.memory("VmRSS")}}
        finally:
            server.stop()
        write(results, kind.name, result)
