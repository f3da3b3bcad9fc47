"""Tables of realtime.Shared from Python: a panel that bans, a web site that reads settings. It needs only Python's own library.

    bans = Shared("bans", redis.Redis(host="10.0.0.5", decode_responses=True).execute_command)  # redis-py
    bans.set("76561198000000001", {"reason": "cheats"}, expires=3600)
    bans.get("76561198000000001")

It runs the same script as the game servers, so they learn of each change at once. Copy shared_write.lua from lua/lua/realtime/redis
beside this file.
"""

import json
import secrets
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = next(
    path
    for path in (HERE / "shared_write.lua", HERE / "../../lua/realtime/redis/shared_write.lua")
    if path.exists()
).read_text(encoding="utf-8")

KEPT = 60  # seconds for which Redis keeps the outcome of a call


class NotDone(Exception):
    """Nothing was changed: "limit", "number", "full", "size" or "json", with the meanings in shared_write.lua."""


class Shared:
    """A table. `call` sends a command, given as words, and returns the answer."""

    def __init__(self, name, call, me="web"):
        self.key = "realtime:shared:{" + name + "}"
        self.call, self.me = call, me

    def set(self, key, value, expires=None, once=None):
        """expires: in how many seconds; once: an id for which this happens only once."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        self._write("set", key, text, "never" if expires is None else str(expires), "", once=once)

    def remove(self, key):
        """Returns whether the key existed."""
        return self._write("remove", key, "", "", "") == "1"

    def add(self, key, number, least="-inf", most="inf", once=None):
        """Returns the new number. Raises NotDone("limit") if it would leave its bounds."""
        return json.loads(self._write("add", key, str(number), "keep", f"{least} {most}", once=once))

    def get(self, key):
        """Returns the value, or None."""
        field = self.call("HGET", self.key, key)
        seconds, microseconds = self.call("TIME")
        return _value(field, int(seconds) * 1000000 + int(microseconds))

    def _write(self, *change, once=None):
        token = secrets.token_hex(16)
        keys = [self.key, self.key + ":expiry", self.key + ":token:" + token]
        if once is not None:
            keys.append(self.key + ":once:" + once)
        outcome, _time, _version, _told, *detail = self.call(
            "EVAL", SCRIPT, str(len(keys)), *keys, self.me, token, str(KEPT), *change
        )
        if outcome != "done":
            raise NotDone(outcome)
        return detail[0]


def _value(field, now):
    """A field is "VERSION EXPIRY JSON"."""
    if field is None:
        return None
    _version, expiry, text = field.split(" ", 2)
    return None if 0 < int(expiry) <= now else json.loads(text)
