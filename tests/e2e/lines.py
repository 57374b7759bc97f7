"""Kept TLS connections for tests that need requests to arrive at once, or octets that no HTTP client would send.

Requests are signed before, written to all connections by one thread, and only then the replies are read: they meet within
some tens of microseconds, which threads of a client seldom do."""

import email.message
import json
import random
import socket
import ssl
import time

import acme


def context():
    """Who is there was asked before; here it is only about octets."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust


class Line:
    """One connection. Reply.status is 0 if the peer closed it instead."""

    TRUST = context()

    def __init__(self, port, address="127.0.0.1", source="127.0.0.1", timeout=60):
        self.port = port
        plain = socket.create_connection((address, port), timeout, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = self.TRUST.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        self.rest = b""

    def send(self, octets):
        self.socket.sendall(octets)

    def _more(self):
        octets = self.socket.recv(65536)
        self.rest += octets
        return bool(octets)

    def read(self, method="POST"):
        """The next reply."""
        try:
            while b"\r\n\r\n" not in self.rest:
                if not self._more():
                    return acme.Reply(0, email.message.Message(), self.rest)
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
            status, *fields = head.decode("latin-1").split("\r\n")
            headers = email.message.Message()
            for field in fields:
                name, _, value = field.partition(":")
                headers[name] = value.strip()
            length = 0 if method == "HEAD" else int(headers.get("Content-Length", 0))
            while len(self.rest) < length:
                if not self._more():
                    return acme.Reply(0, headers, self.rest)
            body, self.rest = self.rest[:length], self.rest[length:]
            return acme.Reply(int(status.split()[1]), headers, body)
        except OSError as fault:
            return acme.Reply(0, email.message.Message(), str(fault).encode())

    def all(self):
        """Whatever comes until the peer closes, or is silent for the time-out."""
        try:
            while self._more():
                pass
        except OSError:
            pass
        return self.rest

    def close(self):
        self.socket.close()


def request(method, path, body=b"", host="localhost", fields=""):
    if method == "POST":
        fields += "Content-Type: application/jose+json\r\nContent-Length: %d\r\n" % len(body)
    return ("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, host, fields)).encode() + body


class Signer:
    """An account, or a key that is to become one: signs, and knows nothing of connections."""

    def __init__(self, key=None):
        self.key, self.kid = key or acme.new_key(), None

    def sign(self, nonce, url, payload=None, jwk=False, key=None):
        key = key or self.key
        head = {"alg": acme.alg_of(key), "nonce": nonce, "url": url}
        head.update({"jwk": acme.jwk_of(key)} if jwk or not self.kid else {"kid": self.kid})
        return json.dumps(acme.jws(key, head, payload)).encode()


class Lines:
    """Many connections to one gateway, or by turns to several that share `url`."""

    def __init__(self, url, ports):
        self.url, self.ports = url, ports
        self.lines, self.nonces = [], {port: [] for port in ports}

    def line(self, number):
        while len(self.lines) <= number:
            self.lines.append(None)
        if not self.lines[number]:
            self.lines[number] = Line(self.ports[number % len(self.ports)])
        return self.lines[number]

    def _keep(self, number, reply):
        nonce = reply.headers.get("Replay-Nonce")
        if nonce:
            self.nonces[self.lines[number].port].append(nonce)
        if reply.status == 0 or reply.headers.get("Connection") == "close":
            self.lines[number].close()
            self.lines[number] = None
        return reply

    def nonce(self, number):
        """Good at the gateway that this connection leads to."""
        line = self.line(number)
        if self.nonces[line.port]:
            return self.nonces[line.port].pop()
        line.send(request("HEAD", self.path("/new-nonce")))
        return line.read("HEAD").headers["Replay-Nonce"]

    def path(self, url):
        return url[len(self.url):] if url.startswith(self.url) else url

    def at_once(self, *letters, apart=0):
        """Each a (url, body); the replies, in this order. What has no body yet is (url, signer, payload, options). `apart`: at
        most so many seconds between two of them, by chance."""
        ready = []
        for number, letter in enumerate(letters):
            url, *rest = letter
            if len(rest) == 1:
                body = rest[0]
            else:
                signer, payload, options = rest
                body = signer.sign(self.nonce(number), url, payload, **options)
            ready.append(request("POST", self.path(url), body))
            self.line(number)
        for number, octets in enumerate(ready):
            self.lines[number].send(octets)
            time.sleep(random.random() * apart)
        return [self._keep(number, self.lines[number].read()) for number in range(len(ready))]

    def post(self, signer, url, payload=None, number=0, **options):
        """One request on one connection."""
        url = self.url + url if url.startswith("/") else url
        body = signer.sign(self.nonce(number), url, payload, **options)
        self.line(number).send(request("POST", self.path(url), body))
        return self._keep(number, self.lines[number].read())

    def close(self):
        for line in self.lines:
            if line:
                line.close()
