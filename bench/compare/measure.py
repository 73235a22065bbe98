"""Running the load generator against one server, and what the machine itself allows."""

import ctypes
import json
import os
import statistics
import subprocess
import time

from compare.client import Wrong

_libc = ctypes.CDLL(None, use_errno=True)


class Timing:
    """How long each cell runs."""

    def __init__(self, warmup_s, duration_s):
        self.warmup_s = warmup_s
        self.duration_s = duration_s

    def __str__(self):
        return f"warmup_s {self.warmup_s}\nduration_s {self.duration_s}\n"


def load(tools, server, plan):
    """Runs a plan; the load generator's numbers with the server's CPU seconds added."""
    before = server.cpu_seconds()
    result = subprocess.run([tools["load"], f"127.0.0.1:{server.port}"], input=plan, text=True,
                            capture_output=True, check=False)
    if result.returncode != 0:
        raise Wrong(result.stderr.strip())
    numbers = json.loads(result.stdout)
    numbers["cpu_s"] = server.cpu_seconds() - before
    return numbers


def fill(tools, server, target, count, method="PUT", size=1024, per_folder=1, connections=16,
         fields="", first=0):
    """Sends `count` requests, {item} counting up; raises unless every one was right."""
    body = f"body {size}\n" if method == "PUT" else ""
    expected = "200 201 204" if method == "PUT" else "201"
    plan = (f"connections {min(connections, count)}\noperations {count}\nsequence\n"
            f"first {first}\nper_folder {per_folder}\nwrong_limit 1\n"
            f"step {method} {target}\n{fields}{body}expect {expected}\n")
    numbers = load(tools, server, plan)
    if numbers["wrong"]:
        raise Wrong("preparing: " + ", ".join(numbers["reasons"]))
    return numbers


def flush_latency(folder, count=100):
    """Milliseconds that appending 4 KiB to a file and fdatasync take here: median and p99."""
    path = os.path.join(folder, "flush-probe")
    block = os.urandom(4096)
    times = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.write(file, block)
            os.fdatasync(file)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(file)
        os.unlink(path)
    times.sort()
    return {"p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)]}


def settle(folder):
    """Writes back what earlier cells left in the page cache, so that nobody pays for another's
    unflushed writes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _libc.syncfs(descriptor)
    finally:
        os.close(descriptor)
