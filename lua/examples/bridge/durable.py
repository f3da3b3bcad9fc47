"""Messages for realtime.Durable from Python: a shop that sells. It needs only Python's own library.

    call = redis.Redis(host="10.0.0.5", decode_responses=True).execute_command  # redis-py
    publish(call, "purchases", {"steamid": "76561198000000001", "item": "vip"}, once="order-17")

The message waits in Redis until a game server has handled it. Copy durable_publish.lua from lua/lua/realtime/redis beside this file.
"""

import json
import secrets
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = next(
    path
    for path in (HERE / "durable_publish.lua", HERE / "../../lua/realtime/redis/durable_publish.lua")
    if path.exists()
).read_text(encoding="utf-8")

KEPT = 60  # seconds for which Redis keeps the outcome of a call


class NotDone(Exception):
    """Nothing was published: "full", "size" or "json", with the meanings in durable_publish.lua."""


def publish(call, channel, data, once=None, me="web"):
    """Returns the message's id. `call` sends a command, given as words, and returns the answer; once: an id that prevents repetitions."""
    key = "realtime:durable:{" + channel + "}"
    token = secrets.token_hex(16)
    keys = [key, key + ":about", key + ":token:" + token]
    if once is not None:
        keys.append(key + ":once:" + once)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    outcome, message_id, _told = call("EVAL", SCRIPT, str(len(keys)), *keys, "publish", token, str(KEPT), me, text)
    if outcome != "done":
        raise NotDone(outcome)
    return message_id
