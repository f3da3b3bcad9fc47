"""Documents of realtime.Profiles from Python: a web site that reads wallets, and gives something to players who are not there. It needs
only Python's own library.

    call = redis.Redis(host="10.0.0.5", decode_responses=True).execute_command  # redis-py
    wallets = Profiles("wallet", call)
    print(wallets.read("76561198000000001"))
    with wallets.open("76561198000000001") as wallet:  # Held, if he plays
        wallet.data["points"] += 5

Copy profiles_open.lua and profiles_save.lua from lua/lua/realtime/redis beside this file.
"""

import json
import secrets
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEASE = 30000  # milliseconds that a document stays with a program that is silent


def script(name):
    path = HERE / name
    return (path if path.exists() else HERE / "../../lua/realtime/redis" / name).read_text(encoding="utf-8")


OPEN, SAVE = script("profiles_open.lua"), script("profiles_save.lua")


class Held(Exception):
    """A game server has the document: its id is the first argument. The server is not asked to release it, because it would kick the player."""


class Lost(Exception):
    """Nothing was saved: another server or program opened the document, because this program kept it longer than its lease."""


class Profiles:
    """`call` sends a command, given as words, and returns the answer."""

    def __init__(self, name, call, me="web"):
        self.channel, self.call, self.me = "realtime:profiles:{" + name + "}", call, me

    def read(self, steamid):
        """Returns the document as last saved, or None."""
        data = self.call("HGET", self.channel + ":" + steamid, "data")
        return None if data is None else json.loads(data)

    def open(self, steamid):
        """Opens a document for this program, as a context: `data` may be changed, and is None for a new document."""
        return Document(self, steamid)


class Document:
    def __init__(self, profiles, steamid):
        self.profiles, self.id, self.token, self.data = profiles, steamid, secrets.token_hex(16), None
        self.key = profiles.channel + ":" + steamid

    def __enter__(self):
        profiles = self.profiles
        words = ("try", self.token, str(LEASE), profiles.me, profiles.channel, self.id)
        answer = profiles.call("EVAL", OPEN, "1", self.key, *words)
        if answer[0] != "open":
            raise Held(answer[2])
        self.fence = answer[1]
        self.data = json.loads(answer[3]) if answer[2] == 1 else None
        self.before = answer[3]
        return self

    def __exit__(self, error, *_):
        """Saves changes, unless the block raised, and releases the document."""
        text = "" if self.data is None else json.dumps(self.data, ensure_ascii=False, allow_nan=False)
        kind = "data" if error is None and text and text != self.before else "none"
        words = (self.token, self.fence, "1", str(LEASE), self.profiles.me, self.profiles.channel, self.id, kind, text)
        outcome = self.profiles.call("EVAL", SAVE, "1", self.key, "close", *words)[0]
        if outcome == "size":
            self.profiles.call("EVAL", SAVE, "1", self.key, "release", *words[:-2], "none", "")
            raise ValueError("the document has more than 256 KiB")
        if outcome != "closed":
            raise Lost(self.id)
