"""Envelopes with the shared secret, as docs/security.md describes them. It needs only Python's own library.

    text = sign("secret", "web", "web.to_game", {"user": "Bob", "text": "hello"})
    sender, data = verify("secret", "web.from_game", text)

Text that is not UTF-8 is decoded with errors="surrogateescape", so that the mac covers the received bytes.
"""

import hashlib
import hmac
import json
import re
import time

ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # of a sender
TOLERANCE = 120  # the largest difference of both clocks, in seconds


class Forged(ValueError):
    """A message that was not signed with the secret, for this channel, just now."""


def sign(secret, sender, channel, data):
    """Returns the text to publish on that channel."""
    if not ID.fullmatch(sender):
        raise ValueError("a sender's id is 1 to 64 letters, digits, '_', '.' or '-'")
    now = int(time.time())
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).encode(errors="replace").decode()
    mac = mac_of(secret, now, sender, "", channel, text)
    return f'{{"from":"{sender}","time":{now},"mac":"{mac}","data":{text}}}'


def verify(secret, channel, text):
    """Returns the sender and the data of a message on that channel. Raises Forged."""
    try:
        values = texts(text)
        sender, sent, mac = (json.loads(values[key]) for key in ("from", "time", "mac"))
        state = json.loads(values.get("state", "null"))  # game servers add it, other programs do not
        data = json.loads(values["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Forged("it is no signed envelope") from None
    state = "" if state is None else state
    if not isinstance(sender, str) or not ID.fullmatch(sender) or type(sent) is not int or not isinstance(mac, str):
        raise Forged("from, time or mac is of a wrong type")
    if not isinstance(state, str) or (state and not ID.fullmatch(state)):
        raise Forged("state is no name")
    try:
        expected = mac_of(secret, sent, sender, state, channel, values["data"])
    except UnicodeEncodeError:  # half of a surrogate pair
        raise Forged("it is no text in UTF-8") from None
    if not mac.isascii() or not hmac.compare_digest(mac, expected):
        raise Forged("the mac is wrong")
    if abs(time.time() - sent) > TOLERANCE:
        raise Forged("it is too old, or the clocks differ")
    return sender, data


def mac_of(secret, sent, sender, state, channel, text):
    channel = as_bytes(channel)
    signed = as_bytes(f"{sent}\n{sender}\n{state}\n{len(channel)}\n") + channel + as_bytes(text)
    return hmac.new(as_bytes(secret), signed, hashlib.sha256).hexdigest()


def as_bytes(text):
    return text.encode(errors="surrogateescape")


def texts(text):
    """An object's members, each with its value exactly as in the text, because the mac covers these characters."""
    if not isinstance(json.loads(text), dict):  # from here on it is well-formed
        raise ValueError("no object")
    decode, found = json.JSONDecoder().raw_decode, {}

    def skip(at, marks):
        while text[at] in marks:
            at += 1
        return at

    at = skip(text.index("{") + 1, " \t\r\n")
    while text[at] != "}":
        key, at = decode(text, at)
        start = skip(at, " \t\r\n:")
        _value, at = decode(text, start)
        found[key] = text[start:at]
        at = skip(at, " \t\r\n,")
    return found
