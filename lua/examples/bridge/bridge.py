#!/usr/bin/env python3
"""The other side of web_bridge.lua: what a web site or a Discord bot would do, in plain Python.

    python3 bridge.py redis://:password@127.0.0.1:6379

Each line typed here, "name: text", is shown in the chat of the game servers, and their chat is printed here. The end of the input
(Ctrl+D) ends it. It speaks the few words of Redis's protocol itself, so that nothing needs to be installed; a bot of
yours would use a Redis library.

If the servers have a shared secret ("secret" in realtime.json), put it into the environment variable REALTIME_SECRET:
the program then signs the lines typed here, and leaves out unsigned ones from the servers.
"""

import json
import os
import socket
import sys
import threading
import time
from urllib.parse import unquote, urlsplit

import envelope

ME = "web"  # the sender's id that the servers see
FROM_GAME, TO_GAME = "web.from_game", "web.to_game"
RETRY = 1  # seconds
SECRET = os.environ.get("REALTIME_SECRET")
MAX_MESSAGE = 68 * 1024  # bytes; the servers send no more
MAX_REPLY = 1024 * 1024  # bytes of the texts in one reply
MAX_LINE = 1024  # bytes: a length, a number or an error
MAX_ELEMENTS, MAX_DEPTH = 256, 4  # of the lists in one reply


class Refused(Exception):
    """An error of Redis."""


class Redis:
    """One connection. Any loss of it is an OSError."""

    def __init__(self, url):
        where = urlsplit(url)
        self.socket = socket.create_connection((where.hostname or "127.0.0.1", where.port or 6379), timeout=10)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.incoming = self.socket.makefile("rb")
        if where.password:
            words = [unquote(word) for word in (where.username, where.password) if word]
            self.ask("AUTH", *words)

    def send(self, *words):
        """A command is a list of strings, each after its length in bytes."""
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word.encode(errors="replace")  # typed text may not be UTF-8
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(parts))

    def read(self):
        """One reply. A server may send anything, so every part is limited."""
        self.bytes_left, self.elements_left = MAX_REPLY, MAX_ELEMENTS
        return self.value(MAX_DEPTH)

    def value(self, depth):
        """+text, -error, :number, $string or *list, which may contain others."""
        line = self.incoming.readline(MAX_LINE)
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server sends too much" if len(line) == MAX_LINE else "the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode(errors="replace"))
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind not in (b"$", b"*"):
            raise ConnectionError("the server does not speak Redis's protocol")
        length = int(rest)
        if length < 0:
            return None
        if kind == b"*":
            self.elements_left -= length
            if self.elements_left < 0 or depth == 0:
                raise ConnectionError("the server sends too much")
            return [self.value(depth - 1) for _ in range(length)]
        self.bytes_left -= length
        if self.bytes_left < 0:
            raise ConnectionError("the server sends too much")
        text = self.incoming.read(length + 2)
        if len(text) < length + 2:
            raise ConnectionError("the server closed the connection")
        return text[:-2].decode(errors="surrogateescape")

    def ask(self, *words):
        self.send(*words)
        return self.read()


def say(text):
    print("".join(c if c.isprintable() else " " for c in text), flush=True)


def listen(url):
    """Prints messages of the servers, and connects again whenever the connection is lost."""
    while True:
        try:
            redis = Redis(url)
            with redis.socket, redis.incoming:
                redis.ask("SUBSCRIBE", FROM_GAME)
                say("listening")
                while True:
                    push = redis.read()
                    if not isinstance(push, list) or len(push) != 3:
                        raise ConnectionError("the server sends something other than messages")
                    hear(push[2])
        except (OSError, Refused, ValueError, RecursionError) as problem:
            say(f"not listening: {problem}")
            time.sleep(RETRY)


def hear(message):
    """A publisher chooses the content of a message, so each field is checked and cut."""
    try:
        if len(message) > MAX_MESSAGE:
            raise ValueError("it is too long")
        if SECRET:
            sender, line = envelope.verify(SECRET, FROM_GAME, message)
        else:
            whole = json.loads(message)
            sender, line = whole["from"], whole["data"]
        name, steamid, text = line["name"], line["steamid"], line["text"]
        if not all(isinstance(field, str) for field in (sender, name, steamid, text)) or not envelope.ID.fullmatch(sender):
            raise ValueError("a field is of another type")
        say(f"[{sender}] {name[:64]} ({steamid[:20]}): {text[:200]}")
    except (ValueError, KeyError, TypeError, RecursionError):
        say("left out a message that is no line of chat")


def publish(url, user, text):
    """Returns how many servers received it. Large ids should be strings, too, because numbers lose digits."""
    data = {"user": user, "text": text}
    message = envelope.sign(SECRET, ME, TO_GAME, data) if SECRET else json.dumps({"from": ME, "data": data}, ensure_ascii=False)
    redis = Redis(url)  # a new connection for each line: a bot keeps one
    with redis.socket, redis.incoming:
        receivers = redis.ask("PUBLISH", TO_GAME, message)
        if not isinstance(receivers, int):
            raise ConnectionError("the server answers with something other than a number")
        return receivers


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    url = sys.argv[1]
    if urlsplit(url).scheme != "redis":
        sys.exit("the URL must begin with redis://")
    try:
        _port = urlsplit(url).port
    except ValueError:
        sys.exit("the port in the URL is no number from 0 to 65535")
    threading.Thread(target=listen, args=(url,), daemon=True).start()
    for line in sys.stdin:
        user, colon, text = line.strip().partition(": ")
        if not colon:
            say("type it as name: text")
            continue
        try:
            say(f"{publish(url, user, text)} servers heard it")
        except (OSError, Refused, ValueError, RecursionError) as problem:
            say(f"nobody heard it: {problem}")


if __name__ == "__main__":
    main()
