"""The clients that are in the field, unchanged: commands, web servers, libraries in small programs.

    place = Place(lab, gate, "certbot", port)   # works by /p/certbot/directory, answers http-01 on that port
    chain = Certbot(place).obtain()             # PEM; a Place with a key (kid, MAC key) makes an account that is bound to it

CLIENTS has them all, in the order of the table in doc/clients.md."""

from clients.commands import AcmeTiny, Acmetool, Certbot, Dehydrated, Lacme, Lego, Uacme
from clients.place import STEPS, Place
from clients.programs import AcmeClient, Acmez, CurrentCertbot, CurrentLego, Python3Acme, XCrypto
from clients.servers import Caddy, ModMd

CLIENTS = (Certbot, Python3Acme, Lego, Uacme, Dehydrated, AcmeTiny, Acmetool, Lacme, Caddy, ModMd, CurrentCertbot, CurrentLego, Acmez,
           XCrypto, AcmeClient)
