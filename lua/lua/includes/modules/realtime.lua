-- The game runs this in place of the binary module only if that is missing: require takes a binary first. The error
-- ends the file that called require, because it cannot work without the module.
local install = include("realtime/install.lua")
error(install.Once(install.Missing()), 0)
