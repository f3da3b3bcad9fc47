-- The game runs this in place of the binary module exactly when that is not there: require takes a binary first.
-- The error ends the file that called require, which could not go on without.
local install = include("realtime/install.lua")
error(install.Once(install.Missing()), 0)
