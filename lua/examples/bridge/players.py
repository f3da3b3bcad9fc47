"""Messages for players from Python, by realtime.Players: a shop that delivers. It needs only Python's own library.

    call = redis.Redis(host="10.0.0.5", decode_responses=True).execute_command  # redis-py
    where(call, "76561198000000001")  # "ttt-2", or None
    post(call, "76561198000000001", "purchase", {"item": "vip"}, once="order-17")

A post waits in Redis until the player is on a server that answers to its name. Copy players_post.lua and players_claims.lua from
lua/lua/realtime/redis beside this file.
"""

import json
import secrets
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEY = "realtime:players:{players}:"
KEPT = 60  # seconds for which Redis keeps the outcome of a call
MONTH = 30 * 86400  # seconds


def script(name):
    places = (HERE / name, HERE / "../../lua/realtime/redis" / name)
    return next(path for path in places if path.exists()).read_text(encoding="utf-8")


POST, CLAIMS = script("players_post.lua"), script("players_claims.lua")


class NotDone(Exception):
    """Nothing was posted: "full", "size" or "json", with the meanings in players_post.lua."""


def post(call, player, name, data, once=None, expires=MONTH, me="web"):
    """Returns the post's id. `call` sends a command, given as words, and returns the answer; once: an id that prevents repetitions."""
    token = secrets.token_hex(16)
    keys = [KEY + "posts:" + player, KEY + "waiting", KEY + "claims", KEY + "leases", KEY + "token:" + token]
    if once is not None:
        keys.append(KEY + "once:" + once)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    words = ["post", token, str(KEPT), me, player, name, str(expires), text]
    outcome, post_id, _told = call("EVAL", POST, str(len(keys)), *keys, *words)
    if outcome != "done":
        raise NotDone(outcome)
    return post_id


def where(call, player):
    """The id of the server where the player is, or None."""
    keys = [KEY + "claims", KEY + "leases", KEY + "instances", KEY + "waiting"]
    answer = call("EVAL", CLAIMS, str(len(keys)), *keys, "where", player)
    return answer[1] if len(answer) > 1 else None
