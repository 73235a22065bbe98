"""A small HTTP client for checks: one kept-alive connection, any method, no cleverness."""

import http.client
import re
import xml.etree.ElementTree as ElementTree

DAV = "{DAV:}"
STAMP_BYTES = 48  # the load generator opens every body with "connection-number", padded to this


class Wrong(Exception):
    """A server's answer was not what the scenario needs. The text says what was seen."""


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def field(self, name):
        return self.fields.get(name, "")


class Client:
    def __init__(self, port):
        self.port = port
        self.connection = None

    def ask(self, method, path, fields=None, body=None):
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                self.connection.request(method, path, body=body, headers=fields or {})
                response = self.connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except (http.client.HTTPException, OSError):
                # The server may have closed a connection that was idle for long.
                self.close()
                if attempt == 2:
                    raise

    def expect(self, statuses, method, path, fields=None, body=None):
        answer = self.ask(method, path, fields, body)
        if answer.status not in statuses:
            raise Wrong(f"{method} answered {answer.status}")
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # What the scenarios look at.

    def stamp(self, path, size):
        """(connection, number) in the stamp of a stored body, after checking its length."""
        answer = self.expect((200,), "GET", path)
        if len(answer.body) != size:
            raise Wrong(f"{path} has {len(answer.body)} bytes, not {size}")
        match = re.match(rb"(\d+)-(\d+) ", answer.body)
        if not match:
            raise Wrong(f"{path} does not hold what was written")
        return int(match[1]), int(match[2])

    def propfind(self, path, depth, body):
        fields = {"Depth": depth, "Content-Type": "application/xml"}
        answer = self.expect((207,), "PROPFIND", path, fields, body)
        try:
            return answer, parse_multistatus(answer.body)
        except ElementTree.ParseError as error:
            raise Wrong(f"PROPFIND answered no XML: {error}") from error

    def lock(self, path, body):
        fields = {"Timeout": "Second-600", "Content-Type": "application/xml"}
        answer = self.expect((200,), "LOCK", path, fields, body)
        token = answer.field("Lock-Token")
        if not token:
            raise Wrong("LOCK answered no Lock-Token")
        return token


def parse_multistatus(body):
    """{href: {property name: element}} of the properties that were found."""
    found = {}
    for response in ElementTree.fromstring(body).iter(DAV + "response"):
        properties = found.setdefault(response.findtext(DAV + "href"), {})
        for propstat in response.iter(DAV + "propstat"):
            if " 200 " in propstat.findtext(DAV + "status") + " ":
                for element in propstat.find(DAV + "prop"):
                    properties[element.tag.rpartition("}")[2]] = element
    return found
