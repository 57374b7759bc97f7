#!/usr/bin/python3
"""A device that uses Debian's python3-acme, the library within certbot: `python3_acme.py PLACE.json STEP`, a step is register,
issue, renew, revoke or deactivate, and what must outlive it is in the folder of the place."""

import http.server
import json
import os
import sys
import threading

import josepy
from acme import challenges, client, crypto_util, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
import OpenSSL

with open(sys.argv[1]) as text:
    place = json.load(text)


def path(name):
    return os.path.join(place["Folder"], name)


def save(name, text):
    with open(path(name), "w") as out:
        out.write(text)


def read(name):
    with open(path(name)) as text:
        return text.read()


def open_client():
    if not os.path.exists(path("account.json")):
        save("account.json", josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048)).json_dumps())
    net = client.ClientNetwork(josepy.JWKRSA.json_loads(read("account.json")), user_agent="device", timeout=60)
    directory = client.ClientV2.get_directory(place["Directory"], net)
    made = client.ClientV2(directory, net)
    if os.path.exists(path("account.url")):
        net.account = messages.RegistrationResource(uri=read("account.url"), body=messages.Registration())
    return made


def register(acme):
    binding = {}
    if place["EAB"]:
        binding["external_account_binding"] = messages.ExternalAccountBinding.from_data(
            acme.net.key.public_key(), *place["EAB"], acme.directory)
    made = acme.new_account(messages.NewRegistration.from_data(email=place["Email"], terms_of_service_agreed=True, **binding))
    save("account.url", made.uri)


def answer(texts):
    """A web server that has these texts, by path."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(texts[self.path].encode())

    server = http.server.HTTPServer(("127.0.0.1", place["Port"]), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def issue(acme):
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    order = acme.new_order(crypto_util.make_csr(key, [place["Host"]]))
    texts = {}
    server = answer(texts)
    for authz in order.authorizations:
        if authz.body.status != messages.STATUS_PENDING:
            continue
        body = next(c for c in authz.body.challenges if isinstance(c.chall, challenges.HTTP01))
        texts[body.chall.path] = body.validation(acme.net.key)
        acme.answer_challenge(body, body.response(acme.net.key))
    save("chain.pem", acme.poll_and_finalize(order).fullchain_pem)
    server.shutdown()
    server.server_close()


def revoke(acme):
    leaf = OpenSSL.crypto.load_certificate(OpenSSL.crypto.FILETYPE_PEM, read("chain.pem").encode())
    acme.revoke(josepy.ComparableX509(leaf), 4)


def deactivate(acme):
    acme.deactivate_registration(acme.net.account)


{"register": register, "issue": issue, "renew": issue, "revoke": revoke, "deactivate": deactivate}[sys.argv[2]](open_client())
