"""The servers that are compared: started from scratch in a folder of their own, on a free port of
127.0.0.1, and ended by their process ids. All of them end with this program, whatever ends it."""

import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from compare.client import Client, Wrong

TICKS = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One running server. Subclasses say how it is started and what it calls itself."""

    name = ""
    is_peer = True
    flushes = False  # an acknowledged write is on disk

    def __init__(self, tools, folder):
        self.tools = tools  # paths: peers (configurations), build, go
        self.folder = os.path.join(folder, self.name)
        self.run = os.path.join(self.folder, "run")
        self.data = os.path.join(self.folder, "data")
        self.port = 0
        self.process = None
        self.client = None
        self.prepared = set()  # data sets that are there
        self.notes = {}

    # For subclasses.

    def command(self):
        raise NotImplementedError

    def version(self):
        return ""

    # For everybody.

    def start(self):
        for folder in (self.run, self.data):
            os.makedirs(folder, exist_ok=True)
        for attempt in (1, 2, 3):
            self.port = free_port()
            environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
            with open(os.path.join(self.run, "output.txt"), "ab") as output:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    env=environment, cwd=self.run, preexec_fn=end_with_parent,
                    # Apache ends its whole process group, which must not be ours.
                    start_new_session=True)
            if self.answers():
                self.client = Client(self.port)
                return
            self.stop()  # perhaps somebody else took the port meanwhile
        raise Wrong(f"{self.name} does not start: {self.output()}")

    def answers(self):
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if Client(self.port).ask("OPTIONS", "/").status < 500:
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def output(self):
        with open(os.path.join(self.run, "output.txt"), errors="replace") as output:
            return output.read()[-2000:]

    def stop(self):
        if self.client:
            self.client.close()
        if not self.process:
            return
        family = self.processes()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
        self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def processes(self):
        """Its main process and all below it."""
        family = []
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            family.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as children:
                        waiting += map(int, children.read().split())
            except (FileNotFoundError, ProcessLookupError):
                pass
        return family

    def cpu_seconds(self):
        """User and system time of all its processes, ended children included."""
        total = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    fields = stat.read().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15]))
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total / TICKS

    def memory(self, what="VmHWM"):
        """Bytes over all its processes: VmHWM is the peak so far, VmRSS what is resident now."""
        total = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/status") as status:
                    match = re.search(what + r":\s+(\d+) kB", status.read())
                total += int(match[1]) * 1024 if match else 0
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total

    def fill_in(self, source, target, user=""):
        """Writes a committed configuration with this run's values."""
        values = {"RUN": self.run, "DATA": self.data, "PORT": str(self.port),
                  "CORES": str(os.cpu_count()), "THREADS": str(os.cpu_count() * 64), "USER": user}
        with open(os.path.join(self.tools["peers"], source)) as template:
            text = re.sub("@([A-Z]+)@", lambda match: values[match[1]], template.read())
        path = os.path.join(self.run, target)
        with open(path, "w") as config:
            config.write(text)
        return path


def first_line(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip().splitlines()[0]


def as_root():
    return os.geteuid() == 0


class Apache(Server):
    name = "apache"

    def command(self):
        user = ""
        if as_root():  # Apache refuses to serve as root
            user = "User www-data\nGroup www-data"
            owner = pwd.getpwnam("www-data")
            for folder in (self.run, self.data):
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        config = self.fill_in("apache.conf", "apache.conf", user)
        return ["/usr/sbin/apache2", "-DFOREGROUND", "-f", config]

    def version(self):
        return first_line(["/usr/sbin/apache2", "-v"]).rpartition("version: ")[2]


class Nginx(Server):
    name = "nginx"

    def command(self):
        config = self.fill_in("nginx.conf", "nginx.conf", "user root;" if as_root() else "")
        return ["/usr/sbin/nginx", "-p", self.run, "-e", self.run + "/nginx.log", "-c", config]

    def version(self):
        return first_line(["/usr/sbin/nginx", "-v"]).rpartition("version: ")[2] + " + dav-ext"


class Lighttpd(Server):
    name = "lighttpd"

    def command(self):
        return ["/usr/sbin/lighttpd", "-D", "-f", self.fill_in("lighttpd.conf", "lighttpd.conf")]

    def version(self):
        return first_line(["/usr/sbin/lighttpd", "-v"]).split(" ")[0]


class Go(Server):
    name = "go"

    def command(self):
        return [self.tools["go"], "-listen", f"127.0.0.1:{self.port}", "-data", self.data]

    def version(self):
        return "x/net/webdav, " + first_line(["go", "version"]).split(" ")[2]


class Holdfast(Server):
    is_peer = False
    durability = ""

    def command(self):
        return [self.tools["holdfast"], "serve", "--listen", f"127.0.0.1:{self.port}",
                "--data", self.data, "--durability", self.durability, "--access-log", "off"]

    def version(self):
        return first_line([self.tools["holdfast"], "version"]).rpartition(" ")[2] + self.tools["revision"]


class HoldfastFull(Holdfast):
    name = "full"
    durability = "full"
    flushes = True


class HoldfastRelaxed(Holdfast):
    name = "relaxed"
    durability = "relaxed"


ALL = (HoldfastFull, HoldfastRelaxed, Apache, Nginx, Lighttpd, Go)
TITLES = {"full": "Holdfast full", "relaxed": "Holdfast relaxed", "apache": "Apache",
          "nginx": "nginx", "lighttpd": "lighttpd", "go": "Go"}


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
