/*
 * A module for the host's own tests. It counts, for the life of the process, how often it was opened and closed, and leaves
 * the counts in the global `probe`. It has its Lua symbols from whatever LuaJIT is loaded already.
 */
#include "lauxlib.h"
#include "lua.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int opened, closed;

/* probe.sigpipe_is_default(): as the game's C process has it. */
static int sigpipe_is_default(lua_State *L) {
	struct sigaction action;
	sigaction(SIGPIPE, NULL, &action);
	lua_pushboolean(L, action.sa_handler == SIG_DFL);
	return 1;
}

/* probe.write_to_closed_pipe(): what a bad write does to the process. */
static int write_to_closed_pipe(lua_State *L) {
	int ends[2];
	if (pipe(ends) != 0) return luaL_error(L, "no pipe");
	close(ends[0]);
	lua_pushinteger(L, write(ends[1], "x", 1));
	return 1;
}

/* probe.push_strings(n): n fresh strings, each an allocation. */
static int push_strings(lua_State *L) {
	char text[32];
	int count = luaL_checkint(L, 1);
	for (int i = 0; i < count; i++) {
		int length = snprintf(text, sizeof text, "probe %d %p", i, (void *)text);
		lua_pushlstring(L, text, length);
		lua_pop(L, 1);
	}
	return 0;
}

/* probe.same_luajit(): whether the library that modules open by its path is the one that runs this. */
static int same_luajit(lua_State *L) {
	void *library = dlopen("bin/linux64/lua_shared.so", RTLD_NOW);
	lua_pushboolean(L, library && dlsym(library, "lua_pcall") == (void *)lua_pcall && dlsym(library, "lua_resume_real"));
	return 1;
}

/* probe.luajits(): how many libraries of that name the process has mapped. */
static int luajits(lua_State *L) {
	char line[4096];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	if (!maps) return luaL_error(L, "no /proc");
	while (fgets(line, sizeof line, maps)) count += strstr(line, " r-xp ") && strstr(line, "lua_shared");
	fclose(maps);
	lua_pushinteger(L, count);
	return 1;
}

__attribute__((visibility("default"))) int gmod13_open(lua_State *L) {
	static const luaL_Reg functions[] = {
		{"sigpipe_is_default", sigpipe_is_default},
		{"write_to_closed_pipe", write_to_closed_pipe},
		{"push_strings", push_strings},
		{"same_luajit", same_luajit},
		{"luajits", luajits},
		{NULL, NULL},
	};
	opened++;
	lua_newtable(L);
	for (const luaL_Reg *function = functions; function->name; function++) {
		lua_pushcfunction(L, function->func);
		lua_setfield(L, -2, function->name);
	}
	lua_pushinteger(L, opened);
	lua_setfield(L, -2, "opened");
	lua_pushinteger(L, closed);
	lua_setfield(L, -2, "closed");
	lua_setglobal(L, "probe");
	return 0;
}

__attribute__((destructor)) static void unloaded(void) { fprintf(stderr, "probe: unloaded\n"); }

__attribute__((visibility("default"))) int gmod13_close(lua_State *L) {
	(void)L;
	closed++;
	fprintf(stderr, "probe: closed %d of %d\n", closed, opened);
	return 0;
}
