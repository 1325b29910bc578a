"""ClickHouse's engine (chdb) behind its HTTP interface: POST, with the statement in `query` or in the body, and data after it."""
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from chdb.session import Session

PORT, DATA = int(sys.argv[1]), sys.argv[2]
session = Session(DATA)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        given = parse_qs(urlsplit(self.path).query)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        sql = f"{given['query'][0]}\n{body}" if "query" in given else body
        try:
            session.query(f"USE {given.get('database', ['default'])[0]}")
            # The format of an answer without one, as in ClickHouse.
            answer = session.query(sql, "TabSeparated").bytes() or b""
            self.reply(200, answer, {})
        except Exception as thrown:
            code = re.search(r"Code: (\d+)", str(thrown))
            headers = {"X-ClickHouse-Exception-Code": code.group(1)} if code else {}
            self.reply(404 if code and code.group(1) == "81" else 500, str(thrown).encode(), headers)

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
