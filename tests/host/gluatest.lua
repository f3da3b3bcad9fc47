-- Runs addons' tests in GLuaTest's format: gmod-host --addon FOLDER tests/host/gluatest.lua [PROJECT…]
include("gluatest/main.lua")({ projects = host.args })
