-- The game's name for a module's file here, and the system's name.
local platforms = {
	Linux = { x64 = { "linux64", "64-bit Linux" }, x86 = { "linux", "32-bit Linux" } },
	Windows = { x64 = { "win64", "64-bit Windows" }, x86 = { "win32", "32-bit Windows" } },
}
local here = platforms[jit.os][jit.arch]
return {
	description = here[2],
	file = "lua/bin/gmsv_realtime_" .. here[1] .. ".dll",
	-- Any other platform.
	other = here[1] == "linux" and { "gmsv_realtime_win32.dll", "32-bit Windows" } or { "gmsv_realtime_linux.dll", "32-bit Linux" },
}
