-- Actions that scripts cannot do, for tests that need them: through LuaJIT's FFI.

local native = {}

local ffi = debug.getregistry()._PRELOAD.ffi("ffi")
ffi.cdef([[
	int gmod13_close(void *state);
	int socket(int domain, int type, int protocol);
	int bind(int socket, const void *address, unsigned length);
	int listen(int socket, int backlog);
	int connect(int socket, const void *address, unsigned length);
	int getsockname(int socket, void *address, unsigned *length);
	int chmod(const char *path, unsigned mode);
	int symlink(const char *target, const char *path);
	int unlink(const char *path);
	void *popen(const char *command, const char *mode);
	char *fgets(char *buffer, int size, void *stream);
	int pclose(void *stream);
]])
local module = ffi.load("garrysmod/" .. include("addon/_platform.lua").file)
local other = coroutine.create(function() end)

-- Closes the module as the game does, from any caller. It gets the state of a coroutine.
function native.close()
	module.gmod13_close(ffi.cast("void *", tonumber(tostring(other):match("0x%x+"))))
end
jit.off(native.close)

-- Sets the permissions of a file, as the number that chmod takes.
function native.set_rights(path, mode)
	assert(ffi.C.chmod(path, mode) == 0, path)
end

-- The permissions of a file, in the form "640".
function native.rights(path)
	local buffer, stream = ffi.new("char[16]"), ffi.C.popen("stat -c %a " .. path, "r")
	local line = ffi.C.fgets(buffer, 16, stream)
	ffi.C.pclose(stream)
	return line ~= nil and ffi.string(buffer):match("%d+") or nil
end

function native.link(target, path) assert(ffi.C.symlink(target, path) == 0, path) end

function native.unlink(path) assert(ffi.C.unlink(path) == 0, path) end

local AF_INET, SOCK_STREAM, SOCK_NONBLOCK = 2, 1, 2048
local ADDRESS_BYTES, PORT_AT, IP_AT = 16, 2, 4
local BACKLOG_FILLERS = 4

-- The port of a listener on 127.0.0.1 at which connecting hangs: it has no backlog, and others wait before. It lives as
-- long as the process.
function native.deaf_port()
	local address = ffi.new("unsigned char[?]", ADDRESS_BYTES)
	ffi.cast("unsigned short *", address)[0] = AF_INET
	address[IP_AT], address[IP_AT + 3] = 127, 1
	local listener = ffi.C.socket(AF_INET, SOCK_STREAM, 0)
	assert(ffi.C.bind(listener, address, ADDRESS_BYTES) == 0 and ffi.C.listen(listener, 0) == 0)
	assert(ffi.C.getsockname(listener, address, ffi.new("unsigned[1]", ADDRESS_BYTES)) == 0)
	for _ = 1, BACKLOG_FILLERS do
		ffi.C.connect(ffi.C.socket(AF_INET, SOCK_STREAM + SOCK_NONBLOCK, 0), address, ADDRESS_BYTES)
	end
	return address[PORT_AT] * 256 + address[PORT_AT + 1]
end

return native
