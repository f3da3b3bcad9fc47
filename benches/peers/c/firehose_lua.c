/* What a good module on one thread would do: hiredis reads, and each message becomes a Lua callback at once.
 *
 * firehose_lua PORT PROTOCOL [AUTHORITY]: subscribes to "firehose", and prints what receiving cost up to the message "end".
 * With the file of an authority's certificate, over TLS. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>
#include <time.h>

#include "hiredis.h"
#include "hiredis_ssl.h"
#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

/* The very callback of benches/peers/lua/firehose.lua. */
static const char SCRIPT[] =
	"local count, ended = 0, false\n"
	"function callback(message, channel)\n"
	"	if message == 'end' then ended = true else count = count + 1 end\n"
	"end\n"
	"function figures() return count, ended end\n";

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void) {
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long peak_kib(void) {
	char line[256];
	long kib = -1;
	FILE *status = fopen("/proc/self/status", "r");
	if (status == NULL) return -1;
	while (fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
	fclose(status);
	return kib;
}

static int traceback(lua_State *L) {
	const char *message = lua_tostring(L, 1);
	luaL_traceback(L, L, message ? message : "an error", 1);
	return 1;
}

static void fail(const char *what, const char *why) {
	fprintf(stderr, "firehose_lua: %s: %s\n", what, why);
	exit(1);
}

static void check(redisContext *context, int result) {
	if (result != REDIS_OK) fail("hiredis", context->errstr);
}

static void begin_tls(redisContext *context, const char *authority) {
	redisSSLContextError error = REDIS_SSL_CTX_NONE;
	redisInitOpenSSL();
	redisSSLContext *ssl = redisCreateSSLContext(authority, NULL, NULL, NULL, NULL, &error);
	if (ssl == NULL) fail("OpenSSL", redisSSLContextGetError(error));
	check(context, redisInitiateSSLWithContext(context, ssl));
}

int main(int argc, char **argv) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc != 3 && argc != 4) fail("usage", "firehose_lua PORT PROTOCOL [AUTHORITY]");
	lua_State *L = luaL_newstate();
	if (L == NULL) fail("LuaJIT", "no state");
	luaL_openlibs(L);
	if (luaL_dostring(L, SCRIPT) != 0) fail("the script", lua_tostring(L, -1));
	lua_pushcfunction(L, traceback);
	const int handler = lua_gettop(L);
	lua_getglobal(L, "callback");
	const int callback = luaL_ref(L, LUA_REGISTRYINDEX);

	redisContext *context = redisConnect("127.0.0.1", atoi(argv[1]));
	if (context == NULL || context->err) fail("connect", context ? context->errstr : "no memory");
	if (argc == 4) begin_tls(context, argv[3]);
	redisSetPushCallback(context, NULL);
	redisReply *hello = redisCommand(context, "HELLO %s", argv[2]);
	if (hello == NULL || hello->type == REDIS_REPLY_ERROR) fail("HELLO", hello ? hello->str : context->errstr);
	freeReplyObject(hello);
	check(context, redisAppendCommand(context, "SUBSCRIBE firehose"));
	for (int done = 0; !done;) check(context, redisBufferWrite(context, &done));

	double started = 0, cpu_before = 0;
	for (int ended = 0; !ended;) {
		check(context, redisBufferRead(context));
		for (;;) {
			void *next = NULL;
			check(context, redisGetReplyFromReader(context, &next));
			if (next == NULL) break;
			const redisReply *reply = next;
			if ((reply->type == REDIS_REPLY_PUSH || reply->type == REDIS_REPLY_ARRAY) && reply->elements == 3 &&
			    reply->element[0]->len == 7 && memcmp(reply->element[0]->str, "message", 7) == 0) {
				if (started == 0) started = now(), cpu_before = cpu();
				const redisReply *channel = reply->element[1], *payload = reply->element[2];
				ended = payload->len == 3 && memcmp(payload->str, "end", 3) == 0;
				lua_rawgeti(L, LUA_REGISTRYINDEX, callback);
				lua_pushlstring(L, payload->str, payload->len);
				lua_pushlstring(L, channel->str, channel->len);
				if (lua_pcall(L, 2, 0, handler) != 0) fail("the callback", lua_tostring(L, -1));
			}
			freeReplyObject(next);
		}
	}
	const double seconds = now() - started, spent = cpu() - cpu_before;
	lua_getglobal(L, "figures");
	lua_call(L, 0, 2);
	if (!lua_toboolean(L, -1)) fail("the callback", "never heard the end");
	printf("= messages %.0f\n= seconds %.9f\n= cpu_seconds %.9f\n= peak_bytes %.0f\n", (double)lua_tonumber(L, -2), seconds,
	       spent, (double)peak_kib() * 1024);
	redisFree(context);
	lua_close(L);
	return 0;
}
