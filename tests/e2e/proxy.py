"""A web server in front of the CA that passes on, counts, delays, changes, loses.

`rule(exchange, stage)` is asked twice: stage "before" the request goes to the CA, and "after" with its reply in
exchange.status, .headers, .body. It returns
    None                       go on
    DROP                       the connection dies without a reply
    (status, headers, body)    this is the reply
It may take its time (a CA that hangs), or kill somebody: it runs in a thread of its own."""

import http.client
import http.server
import json
import ssl
import threading

DROP = "drop"
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


class Exchange:
    def __init__(self, kind, method, path, body, headers=None):
        self.kind, self.method, self.path, self.body_sent, self.headers_sent = kind, method, path, body, headers or {}
        self.status, self.headers, self.body = None, [], b""
        self.all_headers = []      # with those of the connection, as they came
        self.nth = self.total = 0  # of its kind, of all; from 1
        self.fate = ""             # what became of it: "", "dropped before", "dropped after", "answered"

    def __repr__(self):
        return "%s %s %s%s" % (self.kind, self.path, self.status, " " + self.fate if self.fate else "")


class Proxy:
    def __init__(self, cert, key, port, target_port, kinds, lock, trust, rule=None):
        self.port, self.target_port, self.kinds, self.lock, self.trust = port, target_port, kinds, lock, trust
        self.rule = rule
        self.directory = "https://localhost:%d/dir" % port
        self.seen, self.guard, self.idle = [], threading.Lock(), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1
            timeout = 120

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.serve(self)

            do_POST = do_HEAD = do_GET

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def get_request(self):
                sock, address = self.socket.accept()
                sock.settimeout(120)
                return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, request, client_address):
                pass  # clients go away: that is what these tests are about

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def kind_of(self, path):
        for prefix, kind in self.kinds:
            if path.startswith(prefix):
                return kind
        return "other"

    def ask(self, exchange, headers):
        """The CA's own reply; one request at a time over all proxies of a CA."""
        with self.lock:
            for attempt in range(2):
                fresh = not self.idle
                link = http.client.HTTPSConnection("localhost", self.target_port, timeout=60, context=self.trust) if fresh \
                    else self.idle.pop()
                try:
                    link.request(exchange.method, exchange.path, exchange.body_sent, headers)
                    reply = link.getresponse()
                    exchange.body = reply.read()
                    break
                except (OSError, http.client.HTTPException):
                    link.close()
                    if fresh or attempt:
                        raise
            exchange.status, exchange.all_headers = reply.status, reply.getheaders()
            exchange.headers = [(k, v) for k, v in reply.getheaders() if k.lower() not in HOP_BY_HOP]
            self.idle.append(link)

    def verdict(self, exchange, stage):
        rule = self.rule
        return rule(exchange, stage) if rule else None

    def serve(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        exchange = Exchange(self.kind_of(handler.path), handler.command, handler.path, handler.rfile.read(length),
                            dict(handler.headers.items()))
        with self.guard:
            self.seen.append(exchange)
            exchange.total = len(self.seen)
            exchange.nth = len([e for e in self.seen if e.kind == exchange.kind])
        verdict = self.verdict(exchange, "before")
        if verdict is None:
            headers = {k: v for k, v in handler.headers.items() if k.lower() not in HOP_BY_HOP}
            try:
                self.ask(exchange, headers)
            except (OSError, http.client.HTTPException):
                exchange.fate = "the CA is gone"
                verdict = DROP
            else:
                verdict = self.verdict(exchange, "after")
                if verdict == DROP:
                    exchange.fate = "dropped after"
        elif verdict == DROP:
            exchange.fate = "dropped before"
        if verdict == DROP:
            handler.close_connection = True
            handler.connection.close()
            return
        if verdict is not None:
            exchange.fate = "answered"
            exchange.status, exchange.headers, exchange.body = verdict
        self.reply(handler, exchange)

    @staticmethod
    def reply(handler, exchange):
        handler.send_response_only(exchange.status)
        for key, value in exchange.headers:
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(exchange.body)))
        handler.end_headers()
        if exchange.method != "HEAD":
            handler.wfile.write(exchange.body)
        handler.wfile.flush()

    def count(self, kind, status=None):
        """How many requests of a kind, or how many that the CA itself answered with this status."""
        with self.guard:
            return len([e for e in self.seen if e.kind == kind and
                        (status is None or (e.status == status and e.fate != "answered"))])

    def forget(self):
        with self.guard:
            self.seen = []


class SlowCA:
    """A rule: says `processing` for every order that was finalized, until it is let go; Retry-After as it is told."""

    def __init__(self, retry_after):
        self.retry_after, self.done, self.finalized = retry_after, False, set()

    def __call__(self, exchange, stage):
        if stage == "before" or self.done or exchange.status != 200 or exchange.kind not in ("finalize", "order"):
            return None
        order = json.loads(exchange.body)
        if exchange.kind == "finalize":
            self.finalized.add(order["finalize"])
        if order["finalize"] not in self.finalized:
            return None
        order["status"] = "processing"
        order.pop("certificate", None)
        headers = [(k, v) for k, v in exchange.headers if k.lower() != "retry-after"]
        exchange.fate = "slow"
        return 200, headers + [("Retry-After", str(self.retry_after))], json.dumps(order).encode()
