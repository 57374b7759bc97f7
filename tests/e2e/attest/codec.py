"""The octets of statements: CBOR, DER, and the identifiers' other names (draft-ietf-acme-device-attest-09 section 3)."""

import struct

PERMANENT_IDENTIFIER, HARDWARE_MODULE = "1.3.6.1.5.5.7.8.3", "1.3.6.1.5.5.7.8.4"


def cbor(value):
    """Dicts keep their order, which is that of the map."""
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 1 << 8 * size:
                return bytes([major << 5 | extra]) + n.to_bytes(size, "big")
        raise ValueError(n)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def tlv(tag, body):
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [first * 40 + second] + rest:
        octets = [arc & 127]
        while arc > 127:
            arc >>= 7
            octets.append(arc & 127 | 128)
        out += bytes(reversed(octets))
    return tlv(6, out)


def explicit(n, body):
    """[n] EXPLICIT, high numbers, too."""
    if n < 31:
        return tlv(0xa0 | n, body)
    octets, rest = [n & 127], n >> 7
    while rest:
        octets.append(rest & 127 | 128)
        rest >>= 7
    return b"\xbf" + bytes(reversed(octets)) + tlv(0, body)[1:]


def permanent_identifier(value):
    """The value of the otherName for "ID" or "ID/OID"."""
    ident, _, assigner = value.partition("/")
    return tlv(0x30, tlv(0x0c, ident.encode()) + (oid(assigner) if assigner else b""))


def hardware_module(value):
    serial, _, kind = value.partition("/")
    return tlv(0x30, oid(kind) + tlv(4, serial.encode()))


class Reader:
    """TPM structures: big endian, sized by what stands before."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, n):
        if self.at + n > len(self.octets):
            raise ValueError("truncated")
        self.at += n
        return self.octets[self.at - n:self.at]

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def sized(self):
        return self.take(self.u(2))


def pack(form, *values):
    return struct.pack(">" + form, *values)
