"""What is measured. A scenario prepares its data through the server, checks one operation with all
its effects, gives the load generator a plan, and looks afterwards whether the writes are there.

A path such as /over/{conn}/{file}.txt is the load generator's (bench/load/plan.h)."""

import random
import re

from compare.client import DAV, Wrong
from compare.measure import fill, load

XML = "field Content-Type: application/xml\n"
PROPFIND = ('<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
            "<D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/>"
            "<D:getcontenttype/></D:prop></D:propfind>")
FIVE = ("resourcetype", "getcontentlength", "getlastmodified", "getetag", "getcontenttype")
DISCOVERY = ('<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
             "<D:lockdiscovery/></D:prop></D:propfind>")
LOCK = ('<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope>'
        "<D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
        "<D:owner>bench</D:owner></D:lockinfo>")
PROPPATCH = ('<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:"><D:set>'
             '<D:prop><B:note xmlns:B="urn:bench">{}</B:note></D:prop></D:set>'
             "</D:propertyupdate>")
READ_NOTE = ('<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
             '<B:note xmlns:B="urn:bench"/></D:prop></D:propfind>')
KIB = 1024
MIB = 1024 * KIB
# Numbers in bodies and names start here in each round, so that a round's writes are its own.
# What data sets were filled with lies below.
ROUND = 10_000_000


def first_of(round):
    return (round + 1) * ROUND


class Scenario:
    """One row. `flushes` is how often an operation of Holdfast in `full` must reach the disk, one
    after the other; 0 for reads."""

    flushes = 0
    writes = False
    rows = None  # ids of several rows that one run yields, in order; None: just this one

    def __init__(self, id, title, connections):
        self.id = id
        self.title = title
        self.connections = connections
        self.wanted = None  # length_at_least and length_at_most, once check has seen an answer

    def prepare(self, tools, server, round):
        """Makes what the plan needs. Not measured."""

    def check(self, tools, server):
        """Raises Wrong unless the server does one operation right. Once per server."""

    def plan(self, server, round):
        """The steps; connections and timing are added by measure()."""
        raise NotImplementedError

    def verify(self, server, round, numbers):
        """Raises Wrong unless what the server acknowledged is there."""

    def measure(self, tools, server, round, timing):
        """{row id: numbers} of one run."""
        plan = f"connections {self.connections}\n{timing}first {first_of(round)}\n"
        return {self.id: load(tools, server, plan + self.plan(server, round))}


def once(server, key, make):
    if key not in server.prepared:
        make()
        server.prepared.add(key)


def collection(server, path):
    server.client.expect((201,), "MKCOL", path)


def collections(tools, server, parent, names):
    """parent/ and one collection per connection or folder below it."""
    def make():
        collection(server, parent)
        fill(tools, server, parent + "{item}/", names, "MKCOL", connections=8)
    once(server, parent, make)


def samples(next_numbers, first, each=2):
    """(connection, number) of acknowledged operations: the last of every connection, some others."""
    for connection, following in enumerate(next_numbers):
        if following > first:
            yield connection, following - 1
            for _ in range(each):
                yield connection, random.randrange(first, following)


# Reading.


class Read(Scenario):
    """A request without a body for one URL, or for random ones of a large set."""

    def __init__(self, id, title, connections, method, size=KIB, many=0, fields="", text=""):
        super().__init__(id, title, connections)
        self.method = method
        self.size = size
        self.many = many
        self.fields = fields
        self.text = text
        self.lengths = {}

    def target(self):
        return "/many/{folder}/{file}.txt" if self.many else f"/read-{self.size}.bin"

    def prepare(self, tools, server, round):
        if self.many:
            def make():
                collections(tools, server, "/many/", self.many // 1000)
                fill(tools, server, self.target(), self.many, per_folder=1000)
            once(server, "many", make)
        else:
            once(server, self.target(),
                 lambda: fill(tools, server, self.target(), 1, size=self.size))

    def check(self, tools, server):
        path = "/many/0/7.txt" if self.many else self.target()
        if self.method == "PROPFIND":
            answer, found = server.client.propfind(path, "0", PROPFIND)
            check_five(server, found, {path: self.size})
            self.lengths[server.name] = len(answer.body)
            return
        answer = server.client.expect((200, 204), self.method, path)
        if self.method == "OPTIONS":
            if "PROPFIND" not in answer.field("Allow") or "2" not in answer.field("DAV"):
                raise Wrong("OPTIONS does not tell DAV class 2 and PROPFIND")
            return
        if answer.field("Content-Length") != str(self.size):
            raise Wrong(f"{self.method} announces {answer.field('Content-Length')} bytes")
        if self.method == "GET" and len(server.client.ask("GET", path).body) != self.size:
            raise Wrong("GET answers another length")

    def plan(self, server, round):
        expected = {"OPTIONS": "200 204", "PROPFIND": "207"}.get(self.method, "200")
        plan = f"items {self.many or 1}\nper_folder 1000\nstep {self.method} {self.target()}\n"
        plan += self.fields + (f"text {self.text}\n" if self.text else "") + f"expect {expected}\n"
        if self.method == "GET":
            plan += f"length {self.size}\n"
        elif self.method == "PROPFIND":
            # Names and file numbers make some bytes of difference.
            length = self.lengths[server.name]
            plan += f"length_at_least {length - 32}\nlength_at_most {length + 32}\n"
        return plan


def check_five(server, found, files):
    """The five usual properties of these files: right, as far as the server knows them. Leaving one
    out is noted, not punished: nginx knows three."""
    for path, size in files.items():
        if path not in found:
            raise Wrong(f"PROPFIND leaves out {path}")
        properties = found[path]
        missing = [name for name in FIVE if name not in properties]
        if {"resourcetype", "getcontentlength", "getlastmodified"} & set(missing):
            raise Wrong("PROPFIND does not tell " + ", ".join(missing))
        if properties["getcontentlength"].text != str(size) or len(properties["resourcetype"]):
            raise Wrong("PROPFIND tells a wrong length or type")
        if missing:
            server.notes["PROPFIND"] = "PROPFIND leaves out " + ", ".join(missing)


class Listing(Scenario):
    """PROPFIND Depth 1 over a collection of `members` files, with the five usual properties."""

    def __init__(self, members, connections):
        super().__init__(f"propfind-1-{members}", f"PROPFIND Depth 1, {members:,} members",
                         connections)
        self.members = members
        self.path = f"/list-{members}/"
        self.lengths = {}

    def prepare(self, tools, server, round):
        def make():
            collection(server, self.path)
            fill(tools, server, self.path + "{item}.txt", self.members)
        once(server, self.path, make)

    def check(self, tools, server):
        answer, found = server.client.propfind(self.path, "1", PROPFIND)
        if len(found) != self.members + 1:
            raise Wrong(f"PROPFIND lists {len(found)} of {self.members + 1} resources")
        check_five(server, found, {f"{self.path}{i}.txt": KIB for i in range(self.members)})
        self.lengths[server.name] = len(answer.body)

    def plan(self, server, round):
        length = self.lengths[server.name]
        return (f"step PROPFIND {self.path}\nfield Depth: 1\n{XML}text {PROPFIND}\nexpect 207\n"
                # Apache's ETags lose their W/ when a file is two seconds old.
                f"length_at_least {int(length * 0.99)}\nlength_at_most {length + 64}\n")


# Writing.


class Write(Scenario):
    writes = True
    flushes = 1


class PutNew(Write):
    """A file that was not there, into one collection per round."""

    def folder(self, round):
        return f"/{self.id}-{round}/"

    def prepare(self, tools, server, round):
        collection(server, self.folder(round))

    def check(self, tools, server):
        path = f"/{self.id}-check.txt"
        server.client.expect((201,), "PUT", path, body=b"x" * KIB)
        if server.client.expect((200,), "GET", path).body != b"x" * KIB:
            raise Wrong("GET answers other bytes than were PUT")

    def plan(self, server, round):
        return (f"step PUT {self.folder(round)}{{conn}}-{{n}}.txt\nbody {KIB}\nexpect 201\n")

    def verify(self, server, round, numbers):
        for connection, number in samples(numbers["next"], first_of(round)):
            path = f"{self.folder(round)}{connection}-{number}.txt"
            if server.client.stamp(path, KIB) != (connection, number):
                raise Wrong(f"{path} holds another write's bytes")


class PutOver(Write):
    """New content for files that are there, `each` files per connection."""

    def __init__(self, id, title, connections, size=KIB, each=64):
        super().__init__(id, title, connections)
        self.size = size
        self.each = each
        self.folder = f"/{id}/"

    def prepare(self, tools, server, round):
        def make():
            collections(tools, server, self.folder, self.connections)
            fill(tools, server, self.folder + "{folder}/{file}.txt",
                 self.connections * self.each, size=self.size, per_folder=self.each)
        once(server, self.id, make)

    def check(self, tools, server):
        path = self.folder + "0/0.txt"
        body = b"0-0 " + b"y" * (self.size - 4)
        server.client.expect((200, 201, 204), "PUT", path, body=body)
        if server.client.expect((200,), "GET", path).body != body:
            raise Wrong("GET answers other bytes than were PUT")

    def plan(self, server, round):
        return (f"items {self.each}\nper_folder {self.each}\n"
                f"step PUT {self.folder}{{conn}}/{{file}}.txt\nbody {self.size}\n"
                "expect 200 201 204\n")

    def verify(self, server, round, numbers):
        first = first_of(round)
        newest = -1
        for connection, following in enumerate(numbers["next"]):
            for file in random.sample(range(self.each), min(self.each, 3)):
                path = f"{self.folder}{connection}/{file}.txt"
                owner, number = server.client.stamp(path, self.size)
                if number >= first and (owner != connection or number > following):
                    raise Wrong(f"{path} holds another write's bytes")
                newest = max(newest, number)
        if newest < first and numbers["all_operations"] > 20 * self.connections * self.each:
            raise Wrong("none of this round's writes is there")


class MakeCollection(Write):
    def folder(self, round):
        return f"/mkcol-{round}/"

    def prepare(self, tools, server, round):
        collection(server, self.folder(round))

    def check(self, tools, server):
        collection(server, "/mkcol-check/")
        if server.client.ask("MKCOL", "/mkcol-check/").status != 405:
            raise Wrong("a second MKCOL was not refused")

    def plan(self, server, round):
        return f"step MKCOL {self.folder(round)}{{conn}}-{{n}}/\nexpect 201\n"

    def verify(self, server, round, numbers):
        for connection, number in samples(numbers["next"], first_of(round), each=1):
            path = f"{self.folder(round)}{connection}-{number}/"
            _, found = server.client.propfind(path, "0", PROPFIND)
            kind = found.get(path, {}).get("resourcetype")
            if kind is None or kind.find(DAV + "collection") is None:
                raise Wrong(f"{path} is no collection")


class PropPatch(Write):
    """One dead property set on one of 64 files per connection."""

    each = 64

    def __init__(self, id, title, connections):
        super().__init__(id, title, connections)
        self.lengths = {}

    def prepare(self, tools, server, round):
        def make():
            collections(tools, server, "/props/", self.connections)
            fill(tools, server, "/props/{folder}/{file}.txt", self.connections * self.each,
                 per_folder=self.each)
        once(server, "props", make)

    def note(self, server, path):
        _, found = server.client.propfind(path, "0", READ_NOTE)
        note = found.get(path, {}).get("note")
        return None if note is None else note.text

    def check(self, tools, server):
        path = "/props/0/0.txt"
        answer = server.client.expect((200, 204, 207), "PROPPATCH", path,
                                      {"Content-Type": "application/xml"}, PROPPATCH.format("1-1"))
        if self.note(server, path) != "1-1":
            raise Wrong("PROPPATCH refuses dead properties")
        self.lengths[server.name] = len(answer.body)

    def plan(self, server, round):
        length = self.lengths[server.name]
        return (f"items {self.each}\nper_folder {self.each}\n"
                f"step PROPPATCH /props/{{conn}}/{{file}}.txt\n{XML}"
                f"text {PROPPATCH.format('{conn}-{n}')}\nexpect 200 204 207\n"
                f"length_at_least {max(length - 8, 0)}\nlength_at_most {length + 8}\n")

    def verify(self, server, round, numbers):
        if numbers["all_operations"] < 20 * self.connections * self.each:
            return  # a file may have been left out by chance
        for connection, following in enumerate(numbers["next"]):
            note = self.note(server, f"/props/{connection}/{random.randrange(self.each)}.txt")
            match = re.fullmatch(r"(\d+)-(\d+)", note or "")
            if not match or int(match[1]) != connection or int(match[2]) > following:
                raise Wrong("a property does not have the value it was given")


class Copy(Write):
    """A file of 1 KiB to a name that is free, into one collection per round."""

    def folder(self, round):
        return f"/copy-{round}/"

    def prepare(self, tools, server, round):
        collection(server, self.folder(round))
        once(server, "copy", lambda: (collection(server, "/copy-from/"), fill(
            tools, server, "/copy-from/{item}.txt", self.connections)))

    def destination(self, server, path):
        return {"Destination": f"http://127.0.0.1:{server.port}{path}"}

    def check(self, tools, server):
        server.client.expect((200, 201, 204), "COPY", "/copy-from/0.txt",
                             self.destination(server, "/copy-check.txt"))
        server.client.stamp("/copy-check.txt", KIB)
        server.client.stamp("/copy-from/0.txt", KIB)

    def plan(self, server, round):
        return (f"step COPY /copy-from/{{conn}}.txt\n"
                f"field Destination: http://{{host}}{self.folder(round)}{{conn}}-{{n}}.txt\n"
                "expect 200 201 204\n")

    def verify(self, server, round, numbers):
        for connection, number in samples(numbers["next"], first_of(round)):
            server.client.stamp(f"{self.folder(round)}{connection}-{number}.txt", KIB)


class Move(Copy):
    """A file there and back again, one file per connection."""

    def prepare(self, tools, server, round):
        collection(server, f"/move-{round}/")
        fill(tools, server, f"/move-{round}/{{item}}-0.txt", self.connections)
        once(server, "move-check", lambda: server.client.expect((201,), "PUT", "/move-from.txt",
                                                                body=b"0-0 " + b"z" * (KIB - 4)))

    def check(self, tools, server):
        server.client.expect((200, 201, 204), "MOVE", "/move-from.txt",
                             self.destination(server, "/move-to.txt"))
        server.client.stamp("/move-to.txt", KIB)
        server.client.expect((404,), "GET", "/move-from.txt")

    def plan(self, server, round):
        return (f"step MOVE /move-{round}/{{conn}}-{{even}}.txt\n"
                f"field Destination: http://{{host}}/move-{round}/{{conn}}-{{odd}}.txt\n"
                "expect 200 201 204\n")

    def verify(self, server, round, numbers):
        for connection, following in enumerate(numbers["next"]):
            here, gone = (0, 1) if following % 2 == 0 else (1, 0)
            server.client.stamp(f"/move-{round}/{connection}-{here}.txt", KIB)
            server.client.expect((404,), "GET", f"/move-{round}/{connection}-{gone}.txt")


class PutDelete(Write):
    flushes = 2

    def prepare(self, tools, server, round):
        once(server, self.id, lambda: collection(server, "/putdel/"))

    def plan(self, server, round):
        return (f"step PUT /putdel/{{conn}}-{{n}}.txt\nbody {KIB}\nexpect 201\n"
                "step DELETE /putdel/{conn}-{n}.txt\nexpect 200 204\n")

    def verify(self, server, round, numbers):
        for connection, number in samples(numbers["next"], first_of(round), each=1):
            server.client.expect((404,), "GET", f"/putdel/{connection}-{number}.txt")


class LockUnlock(Write):
    """An exclusive lock on a file, and its end; one file per connection."""

    flushes = 0  # neither needs a flush of its own: see docs/storage.md

    def folder(self):
        return f"/{self.id}/"

    def prepare(self, tools, server, round):
        once(server, self.id, lambda: (collection(server, self.folder()), fill(
            tools, server, self.folder() + "{item}.txt", self.connections)))

    def check(self, tools, server):
        path = self.folder() + "0.txt"
        body = b"0-0 " + b"l" * (KIB - 4)
        token = server.client.lock(path, LOCK)
        if server.client.ask("PUT", path, body=body).status != 423:
            raise Wrong("a PUT without the token went past the lock")
        server.client.expect((200, 201, 204), "PUT", path, {"If": f"({token})"}, body)
        server.client.expect((204,), "UNLOCK", path, {"Lock-Token": token})
        server.client.expect((200, 201, 204), "PUT", path, body=body)
        server.client.stamp(path, KIB)

    def plan(self, server, round):
        path = self.folder() + "{conn}.txt"
        return (f"step LOCK {path}\nfield Timeout: Second-600\n{XML}text {LOCK}\nexpect 200\n"
                "keep Lock-Token\n" + self.between(path) +
                f"step UNLOCK {path}\nfield Lock-Token: {{token}}\nexpect 204\n")

    def between(self, path):
        return ""

    def verify(self, server, round, numbers):
        for connection in range(self.connections):
            path = f"{self.folder()}{connection}.txt"
            _, found = server.client.propfind(path, "0", DISCOVERY)
            discovery = found.get(path, {}).get("lockdiscovery")
            if discovery is not None and len(discovery):
                raise Wrong(f"{path} is still locked")


class Save(LockUnlock):
    """What an editor does: LOCK, PUT with the token, UNLOCK."""

    flushes = 1

    def between(self, path):
        return (f"step PUT {path}\nfield If: ({{token}})\nbody {KIB}\n"
                "expect 200 201 204\n")

    def verify(self, server, round, numbers):
        super().verify(server, round, numbers)
        for connection, following in enumerate(numbers["next"]):
            path = f"{self.folder()}{connection}.txt"
            if following > first_of(round) and server.client.stamp(path, KIB) != (
                    connection, following - 1):
                raise Wrong(f"{path} does not hold the last save")


# Whole trees.


class Tree(Scenario):
    """10,000 files in 100 collections: made, listed, copied, moved, deleted, one after the other.
    Making it uses 16 connections; the others are one request."""

    writes = True
    folders = 100
    each = 100
    rows = ("tree-create", "tree-propfind", "tree-copy", "tree-move", "tree-delete")
    titles = {"tree-create": "tree of 10,000 files: create",
              "tree-propfind": "tree: PROPFIND infinity", "tree-copy": "tree: COPY",
              "tree-move": "tree: MOVE", "tree-delete": "tree: DELETE"}

    def check_tree(self, server, root):
        for _ in range(20):
            folder, file = random.randrange(self.folders), random.randrange(self.each)
            server.client.stamp(f"{root}{folder}/{file}.txt", KIB)

    def one(self, tools, server, steps):
        plan = f"connections 1\noperations 1\nwrong_limit 1\nstall_s 120\n{steps}"
        numbers = load(tools, server, plan)
        if numbers["wrong"]:
            return {"failed": ", ".join(numbers["reasons"])}
        return numbers

    def measure(self, tools, server, round, timing):
        root, copy, moved = f"/tree-{round}/", f"/tree-copy-{round}/", f"/tree-moved-{round}/"
        count = self.folders * self.each
        rows = {}
        collection(server, root)
        first = fill(tools, server, root + "{item}/", self.folders, "MKCOL")
        then = fill(tools, server, root + "{folder}/{file}.txt", count, per_folder=self.each)
        then["seconds"] += first["seconds"]
        then["cpu_s"] += first["cpu_s"]
        then["p50_us"] = then["p99_us"] = then["seconds"] * 1e6
        then["per_s"] = 1 / then["seconds"]
        then["all_operations"] = 1
        rows["tree-create"] = then
        self.check_tree(server, root)

        # Each of these runs in turn; a server that refuses one still gets the next.
        least = count * 100
        rows["tree-propfind"] = self.one(
            tools, server, f"step PROPFIND {root}\nfield Depth: infinity\n{XML}text {PROPFIND}\n"
            f"expect 207\nlength_at_least {least}\n")
        if round == 0 and "failed" not in rows["tree-propfind"]:
            _, found = server.client.propfind(root, "infinity", PROPFIND)
            total = count + self.folders + 1
            if len(found) != total:
                rows["tree-propfind"] = {"failed": f"lists {len(found)} of {total} resources"}
        rows["tree-copy"] = self.one(
            tools, server, f"step COPY {root}\nfield Depth: infinity\n"
            f"field Destination: http://{{host}}{copy}\nexpect 200 201 204\n")
        if "failed" not in rows["tree-copy"]:
            self.check_tree(server, copy)
        rows["tree-move"] = self.one(
            tools, server, f"step MOVE {root}\nfield Destination: http://{{host}}{moved}\n"
            "expect 200 201 204\n")
        left = root
        if "failed" not in rows["tree-move"]:
            left = moved
            self.check_tree(server, moved)
            server.client.expect((404,), "GET", root + "0/0.txt")
        rows["tree-delete"] = self.one(tools, server, f"step DELETE {left}\nexpect 200 204\n")
        if "failed" not in rows["tree-delete"]:
            server.client.expect((404,), "GET", left + "0/0.txt")
        if "failed" not in rows["tree-copy"]:
            server.client.expect((200, 204), "DELETE", copy)
        return rows


def scenarios(many):
    """All of them, in the order of the report. `many` files stand for 'so many that no cache warmed
    by one URL decides'."""
    depth_0 = {"fields": "field Depth: 0\n" + XML, "text": PROPFIND}
    return [
        Read("get-1k", "GET 1 KiB", 16, "GET"),
        Read("get-1k-many", f"GET 1 KiB, {many:,} files", 16, "GET", many=many),
        Read("head", "HEAD", 16, "HEAD"),
        Read("head-many", f"HEAD, {many:,} files", 16, "HEAD", many=many),
        Read("options", "OPTIONS", 16, "OPTIONS"),
        Read("get-1m", "GET 1 MiB", 4, "GET", size=MIB),
        Read("get-64m", "GET 64 MiB", 2, "GET", size=64 * MIB),
        Read("propfind-0", "PROPFIND Depth 0", 16, "PROPFIND", **depth_0),
        Read("propfind-0-many", f"PROPFIND Depth 0, {many:,} files", 16, "PROPFIND", many=many,
             **depth_0),
        Listing(100, 8),
        Listing(1000, 4),
        Listing(10000, 2),
        PutNew("put-new-16", "PUT 1 KiB new", 16),
        PutNew("put-new-64", "PUT 1 KiB new", 64),
        PutOver("put-over", "PUT 1 KiB over existing", 16),
        PutOver("put-1m", "PUT 1 MiB over existing", 4, size=MIB, each=4),
        MakeCollection("mkcol", "MKCOL", 16),
        PropPatch("proppatch", "PROPPATCH", 16),
        Copy("copy", "COPY of a file", 16),
        Move("move", "MOVE of a file", 16),
        PutDelete("put-delete", "PUT + DELETE", 16),
        LockUnlock("lock-unlock", "LOCK + UNLOCK", 16),
        Save("save", "editor's save", 16),
        PutOver("put-over-one", "PUT 1 KiB over existing", 1),
        PutNew("put-new-one", "PUT 1 KiB new", 1),
        Read("propfind-0-one", "PROPFIND Depth 0", 1, "PROPFIND", **depth_0),
        Save("save-one", "editor's save", 1),
        Tree("tree", "trees of 10,000 files", 1),
    ]
