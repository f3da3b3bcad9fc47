/*
 * The bare calls that the module's work cannot do without, for the benches in benches/game to compare with: a C function that
 * does nothing, messages handed to callbacks, and messages read from a socket. Nothing here is careful: callbacks do not
 * raise, and the peer is a Redis server on this machine.
 */
#include "lauxlib.h"
#include "lua.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Bytes of a payload's number, at its beginning: no payload comes twice. */
#define HEAD 16

static uint64_t payloads_made;

/* Scrambled, since LuaJIT looks at few bytes of a string when it hashes it: none of the two sides may have bad luck. */
static void payload(char *into, size_t size) {
	uint64_t number = ++payloads_made * UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < HEAD; i++, number >>= 4) into[i] = "0123456789abcdef"[number & 15];
	memset(into + HEAD, 'x', size - HEAD);
}

static size_t check_size(lua_State *L, int index) {
	lua_Integer size = luaL_checkinteger(L, index);
	luaL_argcheck(L, size >= HEAD, index, "16 bytes at least");
	return (size_t)size;
}

/* bare.zero(): what a call from Lua costs. */
static int zero(lua_State *L) {
	lua_pushinteger(L, 0);
	return 1;
}

/* bare.payloads(count, size, before, behind): fresh payloads, each between these two. */
static int payloads(lua_State *L) {
	size_t count = (size_t)luaL_checkinteger(L, 1), size = check_size(L, 2), before_size, behind_size;
	const char *before = luaL_checklstring(L, 3, &before_size), *behind = luaL_checklstring(L, 4, &behind_size);
	size_t each = before_size + size + behind_size;
	char *all = malloc(count * each + 1);
	if (!all) return luaL_error(L, "no memory");
	for (size_t i = 0; i < count; i++) {
		char *at = all + i * each;
		memcpy(at, before, before_size);
		payload(at + before_size, size);
		memcpy(at + before_size + size, behind, behind_size);
	}
	lua_pushlstring(L, all, count * each);
	free(all);
	return 1;
}

static double seconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set_string(lua_State *L, const char *key, const char *value) {
	lua_pushlstring(L, key, strlen(key));
	lua_pushlstring(L, value, strlen(value));
	lua_settable(L, -3);
}

/*
 * bare.chat_lines(count): so many tables of a chat line in its envelope, from ready strings and at their final size; the text is
 * another one each time. Returns the seconds that it took.
 */
static int chat_lines(lua_State *L) {
	lua_Integer count = luaL_checkinteger(L, 1);
	char text[] = "0000000000000000anybody seen the traitor near me?";
	double start = seconds();
	for (lua_Integer i = 0; i < count; i++) {
		payload(text, HEAD);
		lua_createtable(L, 0, 3);
		set_string(L, "from", "ttt-1");
		set_string(L, "state", "3f9a2c7140b1d2e3");
		lua_pushlstring(L, "data", 4);
		lua_createtable(L, 0, 5);
		set_string(L, "player", "76561198000000001");
		set_string(L, "name", "Alice");
		set_string(L, "text", text);
		lua_pushlstring(L, "team", 4);
		lua_pushnumber(L, 3);
		lua_settable(L, -3);
		lua_pushlstring(L, "dead", 4);
		lua_pushboolean(L, 0);
		lua_settable(L, -3);
		lua_settable(L, -3);
		lua_settop(L, 1);
	}
	lua_pushnumber(L, seconds() - start);
	return 1;
}

static void set_number(lua_State *L, const char *key, lua_Number value) {
	lua_pushlstring(L, key, strlen(key));
	lua_pushnumber(L, value);
	lua_settable(L, -3);
}

/* bare.inventories(count): likewise so many inventories of 160 items. */
static int inventories(lua_State *L) {
	enum { ITEMS = 160, NAME = 24 };
	static char classes[ITEMS][NAME], names[ITEMS][NAME];
	lua_Integer count = luaL_checkinteger(L, 1);
	for (int i = 0; i < ITEMS; i++) {
		snprintf(classes[i], NAME, "weapon_ttt_%d", i + 1);
		snprintf(names[i], NAME, "item %d", i + 1);
	}
	double start = seconds();
	for (lua_Integer n = 0; n < count; n++) {
		lua_createtable(L, 0, 2);
		set_string(L, "owner", "76561198000000001");
		lua_pushlstring(L, "items", 5);
		lua_createtable(L, ITEMS, 0);
		for (int i = 1; i <= ITEMS; i++) {
			lua_createtable(L, 0, 7);
			set_number(L, "id", 7000000.0 + (lua_Number)n * 1000 + i);
			set_string(L, "class", classes[i - 1]);
			set_number(L, "amount", i % 7);
			set_number(L, "wear", (12345.0 + i * 77 + (lua_Number)n) / 100000);
			lua_pushlstring(L, "slots", 5);
			lua_createtable(L, 3, 0);
			for (int slot = 1; slot <= 3; slot++) {
				lua_pushnumber(L, slot < 3 ? i + slot - 1 : 3);
				lua_rawseti(L, -2, slot);
			}
			lua_settable(L, -3);
			lua_pushlstring(L, "stat_trak", 9);
			lua_pushboolean(L, i % 2 == 0);
			lua_settable(L, -3);
			set_string(L, "name", names[i - 1]);
			lua_rawseti(L, -2, i);
		}
		lua_settable(L, -3);
		lua_settop(L, 1);
	}
	lua_pushnumber(L, seconds() - start);
	return 1;
}

/*
 * bare.large(bytes, keys): the two longest calls that a large message takes: a fresh string of so many bytes, and a table for so
 * many keys. Returns the seconds of each.
 */
static int large(lua_State *L) {
	size_t size = check_size(L, 1);
	int keys = (int)luaL_checkinteger(L, 2);
	char *bytes = malloc(size);
	if (!bytes) return luaL_error(L, "no memory");
	payload(bytes, size);
	double start = seconds();
	lua_pushlstring(L, bytes, size);
	double made = seconds();
	lua_createtable(L, 0, keys);
	double end = seconds();
	free(bytes);
	lua_pushnumber(L, made - start);
	lua_pushnumber(L, end - made);
	return 2;
}

/* What bare.prepare makes and bare.deliver uses. */
static struct {
	char *payloads;
	size_t size, capacity, next;
	int callbacks, *references, channel;
} ready;

static void *make_payloads(void *unused) {
	for (size_t i = 0; i < ready.capacity; i++) payload(ready.payloads + i * ready.size, ready.size);
	return unused;
}

/*
 * bare.prepare(capacity, size, channel, callback, …): so many fresh payloads for these callbacks. They are made in one piece
 * of memory and by another thread, as if a worker had read them.
 */
static int prepare(lua_State *L) {
	enum { FIRST = 4 };
	pthread_t maker;
	size_t capacity = (size_t)luaL_checkinteger(L, 1), size = check_size(L, 2);
	luaL_checkstring(L, 3);
	luaL_checktype(L, FIRST, LUA_TFUNCTION);
	for (int i = 0; i < ready.callbacks; i++) luaL_unref(L, LUA_REGISTRYINDEX, ready.references[i]);
	if (ready.callbacks) luaL_unref(L, LUA_REGISTRYINDEX, ready.channel);
	free(ready.references);
	free(ready.payloads);
	ready.callbacks = 0;
	ready.references = malloc((size_t)lua_gettop(L) * sizeof *ready.references);
	ready.payloads = malloc(capacity * size + 1);
	ready.size = size, ready.capacity = capacity, ready.next = 0;
	if (!ready.references || !ready.payloads || pthread_create(&maker, NULL, make_payloads, NULL) != 0)
		return luaL_error(L, "no memory");
	pthread_join(maker, NULL);
	int callbacks = lua_gettop(L) - FIRST + 1;
	for (int i = callbacks; i-- > 0;) ready.references[i] = luaL_ref(L, LUA_REGISTRYINDEX);
	ready.channel = luaL_ref(L, LUA_REGISTRYINDEX);
	ready.callbacks = callbacks;
	return 0;
}

/* bare.deliver(count): so many of these payloads, each to every callback. Returns the seconds that it took. */
static int deliver(lua_State *L) {
	size_t count = (size_t)luaL_checkinteger(L, 1);
	int failed = 0;
	if (!ready.callbacks || count > ready.capacity) return luaL_error(L, "so many are not prepared");
	if (ready.next + count > ready.capacity) ready.next = 0;
	const char *at = ready.payloads + ready.next * ready.size;
	ready.next += count;
	lua_settop(L, 0);
	lua_getglobal(L, "debug");
	lua_getfield(L, 1, "traceback");
	lua_remove(L, 1);

	double start = seconds();
	for (size_t i = 0; i < count; i++, at += ready.size) {
		if (ready.callbacks == 1) {
			lua_rawgeti(L, LUA_REGISTRYINDEX, ready.references[0]);
			lua_pushlstring(L, at, ready.size);
			lua_rawgeti(L, LUA_REGISTRYINDEX, ready.channel);
			failed |= lua_pcall(L, 2, 0, 1);
			continue;
		}
		lua_pushlstring(L, at, ready.size);
		lua_rawgeti(L, LUA_REGISTRYINDEX, ready.channel);
		for (int c = 0; c < ready.callbacks; c++) {
			lua_rawgeti(L, LUA_REGISTRYINDEX, ready.references[c]);
			lua_pushvalue(L, 2);
			lua_pushvalue(L, 3);
			failed |= lua_pcall(L, 2, 0, 1);
		}
		lua_settop(L, 1);
	}
	double took = seconds() - start;
	if (failed) return luaL_error(L, "a callback raised");
	lua_pushnumber(L, took);
	return 1;
}

/* The thread of bare.read. */
static int reader_socket = -1;
static pthread_t reader;
static atomic_uint_fast64_t reader_reads, reader_bytes;

static void *read_all(void *unused) {
	static char buffer[64 * 1024];
	struct pollfd wanted = {.fd = reader_socket, .events = POLLIN};
	ssize_t got;
	while (poll(&wanted, 1, -1) == 1 && (got = read(reader_socket, buffer, sizeof buffer)) > 0) {
		atomic_fetch_add_explicit(&reader_reads, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&reader_bytes, (uint64_t)got, memory_order_relaxed);
	}
	return unused;
}

/* bare.read(port, channel): a thread named bare-reader that subscribes to it on 127.0.0.1, then polls and reads. */
static int start_reader(lua_State *L) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)luaL_checkint(L, 1))};
	const char *channel = luaL_checkstring(L, 2);
	char request[512];
	int size = snprintf(request, sizeof request, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel);
	if (reader_socket != -1) return luaL_error(L, "it reads already");
	if (size >= (int)sizeof request) return luaL_error(L, "the channel's name is too long");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	reader_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (reader_socket == -1 || connect(reader_socket, (struct sockaddr *)&address, sizeof address) != 0
		|| write(reader_socket, request, (size_t)size) != size || pthread_create(&reader, NULL, read_all, NULL) != 0) {
		if (reader_socket != -1) close(reader_socket);
		reader_socket = -1;
		return luaL_error(L, "no connection");
	}
	pthread_setname_np(reader, "bare-reader");
	return 0;
}

/* bare.reads(): how many reads brought something, and how many bytes, since the process began. */
static int reads(lua_State *L) {
	lua_pushnumber(L, (lua_Number)atomic_load(&reader_reads));
	lua_pushnumber(L, (lua_Number)atomic_load(&reader_bytes));
	return 2;
}

/* bare.stop(): ends the thread. */
static int stop_reader(lua_State *L) {
	(void)L;
	if (reader_socket == -1) return 0;
	shutdown(reader_socket, SHUT_RDWR);
	pthread_join(reader, NULL);
	close(reader_socket);
	reader_socket = -1;
	return 0;
}

/* bare.trim(): free memory goes back to the system, so that what is resident is what is held. */
static int trim(lua_State *L) {
	(void)L;
	malloc_trim(0);
	return 0;
}

__attribute__((visibility("default"))) int gmod13_open(lua_State *L) {
	static const luaL_Reg functions[] = {
		{"zero", zero}, {"payloads", payloads}, {"chat_lines", chat_lines}, {"inventories", inventories}, {"large", large}, {"prepare", prepare}, {"deliver", deliver}, {"read", start_reader},
		{"reads", reads}, {"stop", stop_reader}, {"trim", trim}, {NULL, NULL},
	};
	lua_newtable(L);
	for (const luaL_Reg *function = functions; function->name; function++) {
		lua_pushcfunction(L, function->func);
		lua_setfield(L, -2, function->name);
	}
	lua_setglobal(L, "bare");
	return 0;
}

__attribute__((visibility("default"))) int gmod13_close(lua_State *L) { return stop_reader(L); }
