---@meta
-- For editors (LuaLS, GLua): completion and checks for the module and the addon. Never loaded by the game.
-- An editor does not know the result of include; name its type:
--     local realtime = include("realtime/load.lua") ---@type realtime?
-- An answer exists only if err is nil; its type here ignores that.

---@class realtime
---@field VERSION string the module's version, such as "0.1.0"
---@field FEATURES { tls?: true, postgres?: true } optional features of this file of the module
---@field ADDON_VERSION string the addon's version, such as "0.1.0"
---@field NULL table in place of a null inside a list, and inside a reply's table, so that tables have no holes
realtime = {}

---@alias RealtimeValue string|number|boolean|table a value with a form in JSON

---@class RealtimeError
---@field code string the server's own code, or one of docs/events.md's list: "DISCONNECTED", "TIMEOUT", "NOBODY" …
---@field message string for people
---@field sent boolean whether the command may have reached the server
---@operator concat(any): string as `CODE: message`

---@class RealtimeOptions
---@field id? string a second Connect with the id of an open client returns that client
---@field host? string default "127.0.0.1"; several with commas, each with its port if it differs: "10.0.0.5,10.0.0.6:6380"
---@field port? integer default 6379
---@field path? string a Unix socket; not on Windows
---@field username? string
---@field password? string
---@field db? integer default 0
---@field name? string the connection's name (CLIENT SETNAME): no spaces or control characters
---@field protocol? "auto"|2|3 default "auto"
---@field replica? boolean a replica will do (false): the console does not mention it, and one of several addresses may be a replica
---@field sentinel_master? string host names Sentinels; this is their name for the master
---@field sentinel_username? string the Sentinels' own user
---@field sentinel_password? string the Sentinels' own password
---@field connect_timeout? number seconds (5), name resolution and handshake included
---@field command_timeout? number seconds (10) from the call to TIMEOUT, offline time included
---@field ping_interval? number idle seconds (15) before a PING; seconds between two questions for the server's role
---@field ping_timeout? number seconds (5) without any byte after it before the link counts as dead
---@field verify_delivery? boolean finds a server that answers but delivers no messages (false)
---@field reconnect_min? number seconds (0.1)
---@field reconnect_max? number seconds (30)
---@field tls? boolean TLS without a URL that begins with rediss://; the full zip has it
---@field tls_ca? string a file in PEM, or its text: the authorities that may have signed the server's certificate (public ones)
---@field tls_name? string the name that the certificate must have (the host)
---@field tls_pin? string SHA-256 of the server's public key in hexadecimal digits; the rest of its certificate is not checked then
---@field tls_cert? string a file in PEM, or its text: this client's certificate, for servers that ask for one
---@field tls_key? string a file in PEM, or its text: the certificate's key
---@field tls_insecure? boolean trusts every server (false); the console says so at every connect
---@field queue_events? integer messages that may wait for the main thread (65536)
---@field queue_bytes? integer and their bytes (33554432)
---@field overflow? "drop_oldest"|"drop_newest"|"pause" what to do if there are more
---@field max_pending? integer commands accepted and not yet answered (10000)
---@field max_message_bytes? integer a larger message is skipped and counted as dropped (4194304)

---@class RealtimeNode
---@field address string
---@field role "master"|"replica"
---@field slots integer hash slots that it holds
---@field connected boolean whether a link to it is up

---@class RealtimeStats
---@field state "connecting"|"ready"|"waiting"|"closed"
---@field address string the address that the client is connected to, or tries to connect to: the current one of several
---@field sentinel? string the Sentinel in use
---@field sentinel_error? string why no Sentinel confirms the master
---@field server? string the server's own name, from `ready` until `down`; for PostgreSQL always
---@field version? string its version
---@field protocol? 2|3
---@field role? "master"|"replica" the server's role, as it last reported it
---@field mode? string how it is deployed, such as "standalone", "cluster" or "sentinel"
---@field nodes? RealtimeNode[] those of a cluster, masters first
---@field tls? "TLSv1.2"|"TLSv1.3" how the connection is secured; absent without TLS
---@field tls_expires? integer when the server's certificate expires, in seconds since 1970
---@field error? string why the client is not connected, from `down` until `ready`
---@field uptime number seconds since the Connect that made or reconnected it
---@field received integer messages that arrived for a live subscription
---@field delivered integer how many of these were passed to callbacks
---@field dropped integer how many were not
---@field dropped_overflow integer because the queue was full
---@field dropped_too_large integer because they were larger than max_message_bytes
---@field queued_events integer messages that wait for the main thread
---@field queued_bytes integer their bytes
---@field published integer publishes that the server answered without an error
---@field pending integer commands accepted and not yet answered
---@field subscriptions integer channels, patterns and sharded channels wanted
---@field confirmed integer how many of these are confirmed on the current connection
---@field refused integer those that the server refuses at present, or whose node of a cluster cannot be reached; they are tried again
---@field refused_reason? string up to eight of them, the reason, and how to allow them; or why the node cannot be reached
---@field bytes_in integer
---@field bytes_out integer
---@field reconnects integer times the client became ready again
---@field round_trip? number seconds that the last PING took
---@field lookup_time? number seconds for looking up the server's name, for the current connection
---@field connect_time? number seconds for connecting to its address, and to those tried before it
---@field tls_time? number seconds for the handshake of TLS
---@field login_time? number seconds for Redis's handshake with the login

---@class RealtimeSubscription
---@field channel? string its name; other kinds are in pattern or sharded_channel
---@field pattern? string
---@field sharded_channel? string
---@field callbacks integer how many there are
---@field state "confirmed"|"waiting"|"refused"

---@class RealtimeClient
local RealtimeClient = {}

---Returns a client immediately; the connection is made and kept up in the background. Raises only for bad arguments.
---```lua
---local client = realtime.Connect("redis://:secret@10.0.0.5:6379", { id = "main" })
---```
---@param url? string|RealtimeOptions `redis://user:password@host:port/db`, `redis-sentinel://…` with Sentinels, or options; nil before options, or nothing at all: the environment's REALTIME_URL, or with the addon the url in realtime.json
---@param options? RealtimeOptions
---@return RealtimeClient
function realtime.Connect(url, options) end

---Runs waiting callbacks for at most this long, but at least one. The module does this every frame.
---@param seconds? number default: the tick budget
---@return integer ran how many ran
function realtime.ProcessEvents(seconds) end

---How long callbacks may take in a frame.
---@param seconds number default 0.002
function realtime.SetTickBudget(seconds) end

---Calls a function once when the Lua state ends, after all ShutDown hooks; its messages are still sent. There is one: the next call
---replaces it, nil removes it. The addon's helpers use it. It should call no function of the game except `print`.
---@param fn? fun()
function realtime.OnClose(fn) end

---Every open client.
---@return RealtimeClient[]
function realtime.Clients() end

---A table by key from a map, or from a list of keys and values in turn (HGETALL under RESP2).
---@param reply table
---@return table
function realtime.Map(reply) end

---A random token: 128 bits from the operating system's source of randomness, as 32 lower-case hexadecimal digits.
---@return string token
function realtime.RandomToken() end

---The SHA-256 of a string, any bytes, as 64 lower-case hexadecimal digits.
---@param text string
---@return string digest
function realtime.SHA256(text) end

---The HMAC-SHA256 of a string under a key, both any bytes, as 64 lower-case hexadecimal digits.
---@param key string
---@param text string
---@return string proof
function realtime.HMAC(key, text) end

---The value in a JSON text, without an envelope. Integers beyond 2^53 come as strings, nulls in lists as realtime.NULL; nulls in
---objects are left out.
---@param text string
---@param max_bytes? integer default: 4 MiB
---@param max_elements? integer every value is one, a table counts as four; default: 1,000,000
---@param key? string the key whose value's place in the text is returned, if the text is an object
---@return RealtimeValue? value nil for null, too
---@return string|integer? reason why it was not read, with line and column; otherwise the position where the key's value begins
---@return boolean|integer? is_no_json with a reason: false if a limit was exceeded; otherwise the position where the key's value ends
function realtime.DecodeJson(text, max_bytes, max_elements, key) end

---A value as JSON, without an envelope.
---@param value RealtimeValue
---@param max_bytes? integer default: 4 MiB
---@param max_elements? integer every value is one, a table counts as four; default: 1,000,000
---@return string? text
---@return string? reason why it has no form in JSON, and where in the table; or that it is too large
function realtime.EncodeJson(value, max_bytes, max_elements) end

---For the addon: removes all permissions of other users from garrysmod/data/realtime.json, which contains a password. Owner and group
---keep theirs.
---@return true? restricted also if there is nothing to remove, no such file, or on Windows
---@return string? reason why the system refused
function realtime.RestrictConfig() end

---The client that all addons of this server share, from the environment's REALTIME_URL or data/realtime.json.
---```lua
---local client, message = realtime.Default()
---if not client then return print(message) end
---```
---@return RealtimeClient? client
---@return string? message what is wrong or missing, if there is none
function realtime.Default() end

---This server's own id, from data/realtime.json.
---@return string id
---@return boolean named false if it was made up for this map
function realtime.ServerId() end

---A value as JSON, in an envelope with the sender's id: `{"from":"ttt-1","data":…}`. At most 64 KiB of JSON and 20,000
---elements, unless realtime.json says more.
---@param data RealtimeValue
---@param id? string default: this server's
---@param channel? string signs the text for this channel, if realtime.json has a secret
---@return string? text
---@return string? reason why it has no form in JSON, and where in the table; or that it is too large
function realtime.Encode(data, id, channel) end

---The data in an envelope. Integers beyond 2^53 come as strings, nulls in lists as realtime.NULL.
---@param text string
---@param channel? string the channel that the text came from; refuses texts that were not signed for it, if realtime.json has a secret
---@return RealtimeValue? data
---@return string from the sender's id; or the reason, if data is nil
function realtime.Decode(text, channel) end

---Tables as messages. One object for each client and id.
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimeTables? tables
---@return string? message realtime.Default()'s reason, if there is none
function realtime.Tables(client, id) end

---Requests from server to server. One object for each client and id.
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimeRequests? requests
---@return string? message realtime.Default()'s reason, if there is none
function realtime.Requests(client, id) end

---Which servers are up; this one announces itself from now on. One object for each client and id.
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimePresence? presence
---@return string? message realtime.Default()'s reason, if there is none
function realtime.Presence(client, id) end

---How a shared table is copied.
---@class RealtimeSharedOptions
---@field snapshot? boolean the last copy is kept in a file and used at the start, while Redis is away (false)
---@field watched? boolean only keys named by Watch are copied: for players' data (false)

---A table that is the same on all servers: a hash in Redis, and a copy of it here. One object for each name, client and id. The
---options may be left out before a client.
---@param name string the table's: letters, digits, "_", "." and "-", at most 64
---@param options? RealtimeSharedOptions
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimeShared? shared
---@return string? message realtime.Default()'s reason, if there is none
function realtime.Shared(name, options, client, id) end

---Messages that wait in Redis until each subscriber, or one worker, has handled them. One object for each client and id.
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimeDurable? durable
---@return string? message realtime.Default()'s reason, if there is none
function realtime.Durable(client, id) end

---Which server each player is on, and messages that reach the player there. One object for each client and id.
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimePlayers? players
---@return string? message why there is none: realtime.Default()'s reason, or no id of this server
function realtime.Players(client, id) end

---Documents of players: one for each player, held by one server at a time. The same name, client and id give the same object.
---@param name string letters, digits, "_", "." and "-", at most 64
---@param options? RealtimeProfilesStorage|RealtimeClient a database of your own; without it the documents are in Redis
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return RealtimeProfiles? profiles
---@return string? message why there are none: realtime.Default()'s reason, or no id of this server
function realtime.Profiles(name, options, client, id) end

---Calls fn once, `seconds` from now, also on an empty server. The same identifier again replaces the timer.
---@param seconds number 0: with the next tick
---@param identifier string|fun() left out: one more timer
---@param fn? fun()
function realtime.After(seconds, identifier, fn) end

---Calls fn every `seconds` seconds, also on an empty server; only once after a stall. The same identifier again replaces the timer.
---@param seconds number 0: every tick
---@param identifier string
---@param fn fun()
function realtime.Every(seconds, identifier, fn) end

---Ends a timer of After or Every.
---@param identifier string
---@return boolean stopped whether there was one
function realtime.StopTimer(identifier) end

---Runs fn as a coroutine, in which Await and Sleep may wait. The same identifier ends the earlier one.
---```lua
---realtime.Async(function()
---	local err, motd = realtime.Await(realtime.Default(), "Command", { "GET", "motd" })
---	print(err or motd)
---end)
---```
---@param identifier string|fun() left out: one more
---@param fn? fun()
function realtime.Async(identifier, fn) end

---Calls object:method(…, fn), waits, and returns the arguments of fn; a refusal as err. Only in a function that Async runs.
---@param object table a client, or another object whose methods take a callback as their last argument
---@param method string
---@param ... any the arguments before the callback
---@return RealtimeError? err
---@return any ...
function realtime.Await(object, method, ...) end

---Waits, also on an empty server. Only in a function that Async runs.
---@param seconds number 0: until the next tick
function realtime.Sleep(seconds) end

---The time of day by Redis's clock, which is the same on all servers.
---@return number? seconds since 1970, with fractions
---@return string? message why they are not known
function realtime.Time() end

---Runs fn on one of the servers that call this for the slot. If that server dies or fails, fn runs again, here or elsewhere.
---@param slot string the job and its time, such as "daily:2026-11-28": 1 to 128 bytes
---@param fn fun(done: (fun(err: any): boolean), fence: number) calls done, now or later; the fence is larger for each run: write it with string.format("%.0f", fence)
---@param options? { lease?: number } seconds for which a silent server keeps the job; default 60
---@param client? RealtimeClient default: realtime.Default()
---@param id? string default: this server's
---@return true? asked
---@return string? message why not: realtime.Default()'s
function realtime.Once(slot, fn, options, client, id) end

---The result of realtime_check.
---@class RealtimeReport
---@field ok boolean whether there is no problem
---@field lines { state: "good"|"problem"|"unknown", about: string, text: string, todo?: string }[] todo: how to fix a problem, a line for each step

---Checks everything from the settings to a message that comes back, which takes some seconds.
---@param fn fun(report: RealtimeReport) called once
function realtime.Check(fn) end

---A callback's options for its messages.
---@class RealtimeMessageOptions
---@field max_bytes? integer for a larger message it gets nil, and the size as its last argument (with format: such a message counts as unreadable); default: only the client's max_message_bytes
---@field skip_prefix? string it does not get messages that begin with these bytes
---@field format? "json" it gets the value of the JSON text: (value, channel, pattern, text)
---@field max_elements? integer with format: every value is one, a table counts as four; default: 1,000,000
---@field text_of? string with format: the text of this key's value comes as the fourth argument
---@field unreadable? boolean with format: it gets an unreadable message as (nil, channel, pattern, reason, message); default: the console reports it

---Calls fn for each message of a channel. The same channel and identifier again replaces the callback (with a hint, if a file
---does so twice without one).
---@param channel string
---@param identifier string|fun(message: any, channel: string, pattern: nil, more?: any, text?: string) left out: the calling file
---@param fn? fun(message: any, channel: string, pattern: nil, more?: any, text?: string)|RealtimeMessageOptions|integer without an identifier: options
---@param options? RealtimeMessageOptions|integer a number is max_bytes
function RealtimeClient:Subscribe(channel, identifier, fn, options) end

---The same for a glob pattern: `kills.*`, `map.?`, `team.[ab]`.
---@param pattern string
---@param identifier string|fun(message: any, channel: string, pattern: string, more?: any, text?: string) left out: the calling file
---@param fn? fun(message: any, channel: string, pattern: string, more?: any, text?: string)|RealtimeMessageOptions|integer without an identifier: options
---@param options? RealtimeMessageOptions|integer a number is max_bytes
function RealtimeClient:PSubscribe(pattern, identifier, fn, options) end

---Takes effect at once.
---@param channel string
---@param identifier? string default: the calling file
function RealtimeClient:Unsubscribe(channel, identifier) end

---Takes effect at once.
---@param pattern string
---@param identifier? string default: the calling file
function RealtimeClient:PUnsubscribe(pattern, identifier) end

---Like Subscribe, for a sharded channel: Redis 7.0 or newer, Valkey. It differs from the plain channel of the same name.
---@param channel string
---@param identifier string|fun(message: any, channel: string, pattern: nil, more?: any, text?: string) left out: the calling file
---@param fn? fun(message: any, channel: string, pattern: nil, more?: any, text?: string)|RealtimeMessageOptions|integer without an identifier: options
---@param options? RealtimeMessageOptions|integer a number is max_bytes
function RealtimeClient:SSubscribe(channel, identifier, fn, options) end

---Takes effect at once.
---@param channel string
---@param identifier? string default: the calling file
function RealtimeClient:SUnsubscribe(channel, identifier) end

---Like Publish, to a sharded channel.
---@param channel string
---@param message string|number
---@param fn? fun(err: RealtimeError?, receivers: integer?) those at the node that took it
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeClient:SPublish(channel, message, fn, seconds) end

---Publishes any bytes.
---@param channel string
---@param message string|number
---@param fn? fun(err: RealtimeError?, receivers: integer?) Redis counts them; nil from a backend that does not
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeClient:Publish(channel, message, fn, seconds) end

---The result of an SQL statement.
---@class RealtimeResult
---@field rows table[] by the names of the columns
---@field columns string[] their names, in order
---@field affected integer? rows that were read or changed

---Any command that does not block or change the connection. PostgreSQL: a statement with its parameters.
---@param arguments (string|number|table)[] `{ "SET", "key", "value" }`; `realtime.NULL` where the backend takes nulls
---@param fn? fun(err: RealtimeError?, reply: any, result: RealtimeResult?) `reply` of a statement is its rows
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeClient:Command(arguments, fn, seconds) end

---Commands between MULTI and EXEC, as one transaction. PostgreSQL: statements between BEGIN and COMMIT.
---@param commands (string|number|table)[][]
---@param fn? fun(err: RealtimeError?, replies: any[]) for statements: a RealtimeResult each
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeClient:Transaction(commands, fn, seconds) end

---Blocks the game until the answer or TIMEOUT. For start-up.
---@param arguments (string|number|table)[]
---@param seconds? number default 5, connecting included
---@return RealtimeError? err
---@return any reply
---@return RealtimeResult? result
function RealtimeClient:CommandSync(arguments, seconds) end

---The round trip.
---@param fn? fun(err: RealtimeError?, seconds: number)
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeClient:Ping(fn) end

---Calls fn for each event of that kind.
---@param event "ready"|"down"|"gap"|"dropped"|"subscribed"|"error"
---@param identifier string|fun(info: table, client: RealtimeClient) left out: the calling file
---@param fn? fun(info: table, client: RealtimeClient)
function RealtimeClient:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "ready"|"down"|"gap"|"dropped"|"subscribed"|"error"
---@param identifier? string default: the calling file
function RealtimeClient:Off(event, identifier) end

---The state of the connection.
---@return "connecting"|"ready"|"waiting"|"closed"
function RealtimeClient:State() end

---Whether the state is "ready".
---@return boolean
function RealtimeClient:IsConnected() end

---Whether it is not closed.
---@return boolean
function RealtimeClient:IsValid() end

---Figures.
---@return RealtimeStats
function RealtimeClient:Stats() end

---The current subscriptions. Empty for a closed client.
---@return RealtimeSubscription[] subscriptions
function RealtimeClient:Subscriptions() end

---Sends the accepted commands, then closes for good. Returns immediately.
function RealtimeClient:Disconnect() end

---@class RealtimeTables
local RealtimeTables = {}

---The server's id in each message.
---@return string
function RealtimeTables:Id() end

---Publishes a value as JSON. Raises for values without a form in JSON, such as NaN and infinity, and names the place.
---@param channel string
---@param data RealtimeValue
---@param fn? fun(err: RealtimeError?, receivers: integer?) Redis counts them; nil from a backend that does not
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeTables:Publish(channel, data, fn, seconds) end

---Calls fn for each message of a channel, also for this server's own.
---@param channel string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string)
function RealtimeTables:Subscribe(channel, identifier, fn) end

---The same, without this server's own messages.
---@param channel string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string)
function RealtimeTables:SubscribeOthers(channel, identifier, fn) end

---Calls fn for each message of the channels that match, also for this server's own.
---@param pattern string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string, pattern: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string, pattern: string)
function RealtimeTables:PSubscribe(pattern, identifier, fn) end

---The same, without this server's own messages.
---@param pattern string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string, pattern: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string, pattern: string)
function RealtimeTables:PSubscribeOthers(pattern, identifier, fn) end

---Like Publish, to a sharded channel.
---@param channel string
---@param data RealtimeValue
---@param fn? fun(err: RealtimeError?, receivers: integer?) those at the node that took it
---@param seconds? number a timeout of its own
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeTables:SPublish(channel, data, fn, seconds) end

---Calls fn for each message of a sharded channel, also for this server's own.
---@param channel string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string)
function RealtimeTables:SSubscribe(channel, identifier, fn) end

---The same, without this server's own messages.
---@param channel string
---@param identifier string|fun(data: RealtimeValue, from: string, channel: string) left out: the calling file
---@param fn? fun(data: RealtimeValue, from: string, channel: string)
function RealtimeTables:SSubscribeOthers(channel, identifier, fn) end

---Ends SSubscribe or SSubscribeOthers.
---@param channel string
---@param identifier? string default: the calling file
function RealtimeTables:SUnsubscribe(channel, identifier) end

---Ends Subscribe or SubscribeOthers.
---@param channel string
---@param identifier? string default: the calling file
function RealtimeTables:Unsubscribe(channel, identifier) end

---Ends PSubscribe or PSubscribeOthers.
---@param pattern string
---@param identifier? string default: the calling file
function RealtimeTables:PUnsubscribe(pattern, identifier) end

---@class RealtimeRequests
local RealtimeRequests = {}

---The id to which other servers address requests.
---@return string
function RealtimeRequests:Id() end

---Asks another server. fn runs exactly once if this returns true. Codes besides those of a publish: "NOBODY" (at once),
---"UNKNOWN", "FAILED", "TIMEOUT", and the other server's own.
---@param server string its id
---@param name string the request's, at most 128 bytes
---@param data RealtimeValue?
---@param fn fun(err: RealtimeError?, data: RealtimeValue?)
---@param seconds? number default 5
---@return boolean accepted
---@return RealtimeError? err if not
function RealtimeRequests:Ask(server, name, data, fn, seconds) end

---Answers requests of that name; nil ends that. `reply(err, data)`: now or later, at most once; err is nil, a text, or a
---table with code and message.
---@param name string
---@param fn? fun(data: RealtimeValue?, from: string, reply: fun(err: nil|string|table, data: RealtimeValue?): boolean)
function RealtimeRequests:Answer(name, fn) end

---@class RealtimeServer
---@field id string
---@field map string cut at 128 bytes, safe to print
---@field players integer bots included
---@field bots integer
---@field max_players integer
---@field name string the host name, cut at 128 bytes, safe to print
---@field fields table<string, RealtimeValue> the fields that the server has Set, of any type: check before use
---@field age number seconds since it was heard
---@field own boolean whether it is this one
---@field duplicate boolean whether another server has the same id
---@field database? integer the number of its database in Redis, if the server reports it
---@field away boolean whether it said goodbye and may come back: its map changes, or it shuts down

---@class RealtimePresence
local RealtimePresence = {}

---The id under which others see this server.
---@return string
function RealtimePresence:Id() end

---Every server that is up, this one included, in the order of their ids.
---@return RealtimeServer[]
function RealtimePresence:Servers() end

---One server.
---@param id string
---@return RealtimeServer?
function RealtimePresence:Server(id) end

---Sets a field of this server, which is announced with the next tick. Raises if all fields together are more than 7,936 bytes
---of JSON or 256 elements (a table counts as four).
---@param key string
---@param value RealtimeValue? nil removes it
function RealtimePresence:Set(key, value) end

---Calls fn when a server joins, leaves, changes (map, players, fields …), or turns out to have another one's id. A map change
---is a change, with the reason "map change". A server has left for the reason "goodbye", "silence" or "crowded out".
---@param event "joined"|"left"|"changed"|"duplicate"
---@param identifier string|fun(server: RealtimeServer, reason?: string) left out: the calling file
---@param fn? fun(server: RealtimeServer, reason?: string)
function RealtimePresence:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "joined"|"left"|"changed"|"duplicate"
---@param identifier? string default: the calling file
function RealtimePresence:Off(event, identifier) end

---Says goodbye and stops listening. realtime.Presence starts again.
function RealtimePresence:Stop() end

---Options of a change.
---@class RealtimeSharedWrite
---@field expires? number seconds until the key is removed; math.huge: never. By default Set: never, Add and Update: unchanged
---@field once? string an id of 1 to 128 bytes: a change with it is made only once, on all servers together (kept for a week)
---@field timeout? number seconds (10; at most a day) until fn gets TIMEOUT
---@field min? number Add: below it nothing changes, and fn gets LIMIT
---@field max? number Add: above it nothing changes, and fn gets LIMIT

---@class RealtimeShared
local RealtimeShared = {}

---The table's name.
---@return string
function RealtimeShared:Name() end

---The id under which others see this server's changes.
---@return string
function RealtimeShared:Id() end

---A key's value in the copy. A table is a new one each time: changing it has no effect. Nil before `ready` (or the
---snapshot's value).
---@param key string
---@return RealtimeValue?
function RealtimeShared:Get(key) end

---Calls fn for each key, or for those that begin with a prefix, in any order. The values are the copy's own: do not change them.
---@param prefix string|fun(key: string, value: RealtimeValue) left out: all keys
---@param fn? fun(key: string, value: RealtimeValue)
function RealtimeShared:Each(prefix, fn) end

---The keys, or those that begin with a prefix, sorted.
---@param prefix? string
---@return string[]
function RealtimeShared:Keys(prefix) end

---How many keys the copy has.
---@return integer
function RealtimeShared:Count() end

---The seconds until a key expires, by Redis's clock; nil if it does not, or is not there.
---@param key string
---@return number?
function RealtimeShared:Expires(key) end

---Sets a key on all servers. fn runs once Get here returns it and `changed` was called here. Raises for a value without a form in JSON.
---@param key string 1 to 256 bytes
---@param value RealtimeValue|boolean at most 64 KiB of JSON
---@param options? RealtimeSharedWrite|fun(err: RealtimeError?) left out: fn
---@param fn? fun(err: RealtimeError?)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Set(key, value, options, fn) end

---Sets several keys at once: servers see all of them or none.
---@param values table<string, RealtimeValue|boolean> at most 1,000 keys and 64 KiB of JSON; with the keys and 50 bytes for each, 79 KiB
---@param options? RealtimeSharedWrite|fun(err: RealtimeError?) left out: fn
---@param fn? fun(err: RealtimeError?)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:SetMany(values, options, fn) end

---Removes a key on all servers.
---@param key string
---@param fn? fun(err: RealtimeError?, existed: boolean)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Remove(key, fn) end

---Adds to a number; a missing one counts as 0. Beyond a bound nothing changes: LIMIT, with the current number.
---@param key string
---@param number number
---@param options? RealtimeSharedWrite|fun(err: RealtimeError?, value: number) left out: fn
---@param fn? fun(err: RealtimeError?, value: number)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Add(key, number, options, fn) end

---Sets a key to compute(old). compute runs inside the call, and again with the newer value if another server was faster, so it must have no
---other effect. `old` includes the results of this server's earlier Updates of the key that are still under way. If compute returns nothing,
---the key stays as it is; if it returns realtime.NULL, the key is removed. If it returns nothing and the copy may be behind Redis, it runs
---once more with Redis's value.
---@param key string
---@param compute fun(old: RealtimeValue?): RealtimeValue?
---@param options? RealtimeSharedWrite|fun(err: RealtimeError?, value: RealtimeValue?, changed: boolean) left out: fn
---@param fn? fun(err: RealtimeError?, value: RealtimeValue?, changed: boolean)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Update(key, compute, options, fn) end

---Reads a key from Redis, whether it is copied or not.
---@param key string
---@param fn fun(err: RealtimeError?, value: RealtimeValue?)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Fetch(key, fn) end

---Makes the copy include a key, in a table with watched = true.
---@param key string
---@param fn? fun(err: RealtimeError?, value: RealtimeValue?) once it is read; FORGOTTEN or CLOSED if it will not be
---@return boolean accepted
---@return RealtimeError? err
function RealtimeShared:Watch(key, fn) end

---Ends Watch for a key.
---@param key string
function RealtimeShared:Forget(key) end

---Calls fn at an event: "changed" (key, value, old, from, why), where why is "set", "removed" or "expired"; "ready" ({ first }), when
---the copy is complete; "stale" (err), when it may be behind. This server's own changes count, too.
---@param event "changed"|"ready"|"stale"
---@param identifier string|function left out: the calling file
---@param fn? function
function RealtimeShared:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "changed"|"ready"|"stale"
---@param identifier? string default: the calling file
function RealtimeShared:Off(event, identifier) end

---Whether the copy is complete and follows Redis.
---@return boolean
function RealtimeShared:IsReady() end

---Blocks the game until the copy is ready, at most for this long. For the start. Other callbacks may run meanwhile.
---@param seconds number
---@return boolean ready
function RealtimeShared:Wait(seconds) end

---Options of a message of realtime.Durable.
---@class RealtimeDurablePublish
---@field once? string an id of 1 to 128 bytes: the message is published only once for it, on all servers together (kept for a week)
---@field timeout? number seconds (10; at most a day) until fn gets TIMEOUT

---@class RealtimeDurableSubscribe
---@field from? "now"|"start" where a server without a place begins ("now")
---@field keep? integer how many messages the channel keeps (10000); beyond it the oldest are dropped, which is reported as `lost`
---@field max_deliveries? integer after how many errors a message is dead (10)

---@class RealtimeDurableWork
---@field parallel? integer how many messages this server works on at a time (1; at most 100)
---@field patience? number seconds (30) for which a silent server keeps a message
---@field timeout? number seconds (600) after which a missing call of `done` counts as an error
---@field keep? integer how many messages may wait (10000); beyond it Publish answers FULL

---@class RealtimeDurableInfo
---@field id string the message's
---@field age number seconds since it was published
---@field deliveries integer which try this is: 1 the first time

---@class RealtimeDurableStats
---@field kind? "subscribe"|"work" nil if no server has used the channel yet
---@field keep integer how many messages it keeps
---@field length integer how many are in Redis
---@field behind integer how many the slowest subscriber has not handled; for Work, how many no server has begun
---@field pending integer for Work: how many are being handled, or wait after an error
---@field dead integer how many are dead
---@field oldest? number age of the oldest message in seconds
---@field groups table<string, {behind: integer, heard: number}> by "SERVER:IDENTIFIER"; heard: seconds since it asked

---@class RealtimeDurable
local RealtimeDurable = {}

---The id under which others see this server's messages.
---@return string
function RealtimeDurable:Id() end

---Publishes a message that waits until it is handled. Raises for data without a form in JSON.
---@param channel string letters, digits, "_", "." and "-", at most 64
---@param data RealtimeValue|boolean at most 64 KiB of JSON
---@param options? RealtimeDurablePublish|fun(err: RealtimeError?, id?: string) left out: fn
---@param fn? fun(err: RealtimeError?, id?: string)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeDurable:Publish(channel, data, options, fn) end

---Calls fn for each message, in order, also for messages published while this server was down. A message that fails comes again.
---@param channel string
---@param identifier string|fun(data: RealtimeValue|boolean, from?: string, info: RealtimeDurableInfo) left out: the channel's name
---@param fn? fun(data: RealtimeValue|boolean, from?: string, info: RealtimeDurableInfo)
---@param options? RealtimeDurableSubscribe
---@return true? subscribed
---@return string? message why not: this server has no id
function RealtimeDurable:Subscribe(channel, identifier, fn, options) end

---Calls fn for messages that are each handled by one server; again, here or elsewhere, after done(err) or if the server dies.
---@param channel string
---@param fn fun(data: RealtimeValue|boolean, from?: string, done: (fun(err?: any): boolean), info: RealtimeDurableInfo)
---@param options? RealtimeDurableWork
---@return true
function RealtimeDurable:Work(channel, fn, options) end

---Ends Subscribe or Work on this server. Messages being handled are finished.
---@param channel string
---@param identifier? string for Subscribe; default: the channel's name
---@return boolean stopped
function RealtimeDurable:Stop(channel, identifier) end

---The figures of a channel.
---@param channel string
---@param fn fun(err: RealtimeError?, stats: RealtimeDurableStats)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeDurable:Stats(channel, fn) end

---Puts a dead message back.
---@param channel string
---@param id string the message's: info.id
---@param fn? fun(err: RealtimeError?, found: boolean)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeDurable:Retry(channel, id, fn) end

---Removes the places of a server that will not come back.
---@param channel string
---@param id string the server's
---@param fn? fun(err: RealtimeError?, found: boolean)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeDurable:Forget(channel, id, fn) end

---Calls fn(channel, info) at an event: "ready" (a subscriber has its place), "failed" (a message failed, or is dead), "lost" (messages
---were dropped before they were read, or Redis has lost them).
---@param event "ready"|"failed"|"lost"
---@param identifier string|fun(channel: string, info: table) left out: the calling file
---@param fn? fun(channel: string, info: table)
function RealtimeDurable:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "ready"|"failed"|"lost"
---@param identifier? string default: the calling file
function RealtimeDurable:Off(event, identifier) end

---A player whom realtime.Players knows.
---@class RealtimePlayer
---@field id string the SteamID64
---@field name string cut at 64 bytes, safe to print
---@field server string the id of the player's server
---@field rank string the user group, cut at 32 bytes, safe to print
---@field since number when the player came there: seconds since 1970 by Redis's clock
---@field loading boolean whether that server is between two maps, and the player has not loaded the next one yet
---@field from? string in the event "joined": the server that the player left within the last 120 s

---Options of a post of realtime.Players.
---@class RealtimePlayersPost
---@field expires? number seconds for which it waits for the player (30 days; at most 366)
---@field once? string an id of 1 to 128 bytes: it is posted only once for it, on all servers together (kept for a week)
---@field timeout? number seconds (10; at most a day) until fn gets TIMEOUT

---@class RealtimePlayersInfo
---@field id string the post's
---@field age number seconds since it was posted

---@class RealtimePlayers
local RealtimePlayers = {}

---The id under which others see this server's players.
---@return string
function RealtimePlayers:Id() end

---The server that a player is on: its id and the player's record, or nil.
---@param id Player|string a player, a SteamID64 or a "STEAM_0:…"
---@return string? server
---@return RealtimePlayer? who
function RealtimePlayers:Where(id) end

---Players whose name contains this text, or who have this SteamID64; "" finds all of them. Case is ignored for the letters A to Z only.
---@param text string
---@return RealtimePlayer[] players in the order of their names
function RealtimePlayers:Find(text) end

---Asks the player's server, where Answer's function answers: fn(err, answer), once.
---@param id Player|string
---@param name string 1 to 128 bytes
---@param data RealtimeValue|boolean|nil at most 64 KiB of JSON
---@param fn fun(err: RealtimeError?, answer: RealtimeValue|boolean|nil)
---@param seconds? number 5
---@return boolean accepted
---@return RealtimeError? err
function RealtimePlayers:Ask(id, name, data, fn, seconds) end

---Answers requests and posts of a name to players who are here. If fn does not call reply, the answer is (nil, nil), unless it returns true:
---then reply is called later. Raises if another file answers the name.
---@param name string
---@param fn? fun(ply: Player, data: RealtimeValue|boolean|nil, from: string, reply: (fun(err?: any, answer?: RealtimeValue|boolean): boolean), info?: RealtimePlayersInfo): boolean? info: for a post; a request has none, and anyone with the right to publish can send one. nil removes fn
function RealtimePlayers:Answer(name, fn) end

---Leaves a message for a player. Answer's function on the player's server gets it, now or after the next join, and again until it replies without an
---error.
---@param id Player|string
---@param name string 1 to 128 bytes
---@param data RealtimeValue|boolean at most 64 KiB of JSON
---@param options? RealtimePlayersPost|fun(err: RealtimeError?, id?: string) left out: fn
---@param fn? fun(err: RealtimeError?, id?: string)
---@return boolean accepted
---@return RealtimeError? err
function RealtimePlayers:Post(id, name, data, options, fn) end

---Keeps a player of this server registered for up to 30 s after leaving. Call it in PlayerDisconnected.
---@param id Player|string
---@return (fun(): boolean)? let_go ends that
---@return string? message why not: the player is not here
function RealtimePlayers:Hold(id) end

---Calls fn(who) when a player joins or leaves one of the servers; or fn(ply, server) when a player of this one has joined another server.
---@param event "joined"|"left"|"taken"
---@param identifier string|fun(who: RealtimePlayer|Player, server?: string) left out: the calling file
---@param fn? fun(who: RealtimePlayer|Player, server?: string)
function RealtimePlayers:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "joined"|"left"|"taken"
---@param identifier? string default: the calling file
function RealtimePlayers:Off(event, identifier) end

---Where realtime.Profiles keeps documents, if not in Redis. The lock is in Redis in any case.
---@class RealtimeProfilesStorage
---@field load fun(id: string, done: fun(err?: any, data?: RealtimeValue|boolean), fence: number) stores the fence before it reads; data nil: there is no document yet
---@field save fun(id: string, data: RealtimeValue|boolean, fence: number, done: fun(err?: any), is_last: boolean) stores the fence, too, and refuses a smaller one; is_last: done must be called before it returns

---@class RealtimeProfilesOpen
---@field timeout? number seconds (60; at most a day) until fn gets TIMEOUT

---@class RealtimeProfilesClose
---@field to? string the id of the server that the player is sent to, which opens the document before the player arrives
---@field hold? number seconds (120; at most 3600) for which that server keeps it for the player

---@class RealtimeProfiles
local RealtimeProfiles = {}

---The name that they were made with.
---@return string
function RealtimeProfiles:Name() end

---The id under which others see this server.
---@return string
function RealtimeProfiles:Id() end

---Opens a player's document once no other server has it: fn(err, data), with data nil if there is none yet. The server that holds it saves and releases it.
---If the player leaves before that, fn does not run.
---@param ply Player|string a player, a SteamID64 or a "STEAM_0:…"
---@param options RealtimeProfilesOpen|fun(err: RealtimeError?, data?: any) left out: fn
---@param fn? fun(err: RealtimeError?, data?: any)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeProfiles:Open(ply, options, fn) end

---The data of a document that is open here, the same table each time; otherwise nil.
---@param ply Player|string
---@return any data
function RealtimeProfiles:Get(ply) end

---Saves a document that is open here: fn(err) once it is saved. Raises for data without a form in JSON.
---@param ply Player|string
---@param data? RealtimeValue|boolean|fun(err: RealtimeError?) at most 256 KiB of JSON; left out: the present data
---@param fn? fun(err: RealtimeError?)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeProfiles:Save(ply, data, fn) end

---Saves and releases a document: fn(err) once no server holds it. For a player this happens automatically on leaving; until then a Close by
---SteamID, without `to`, only saves.
---@param ply Player|string
---@param data? RealtimeValue|boolean|fun(err: RealtimeError?) left out: the present data
---@param options? RealtimeProfilesClose|fun(err: RealtimeError?) for a hand-over
---@param fn? fun(err: RealtimeError?)
---@return boolean accepted
---@return RealtimeError? err
function RealtimeProfiles:Close(ply, data, options, fn) end

---Calls fn when another server gets a document that is open here ("taken": player, server), or before the addon saves one automatically
---("saving": player, data).
---@param event "taken"|"saving"
---@param identifier string|fun(player: Player|string, detail: any) left out: the calling file
---@param fn? fun(player: Player|string, detail: any)
function RealtimeProfiles:On(event, identifier, fn) end

---Removes a callback of On.
---@param event "taken"|"saving"
---@param identifier? string default: the calling file
function RealtimeProfiles:Off(event, identifier) end
