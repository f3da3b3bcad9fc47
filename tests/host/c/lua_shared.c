/* The game's lua_shared has lua_resume under two names: here is the second. */
#include "lua.h"

LUA_API int lua_resume_real(lua_State *L, int arguments) { return lua_resume(L, arguments); }
