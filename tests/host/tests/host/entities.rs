//! NULL and entities are userdata, as in the game.

use crate::support::Script;

#[test]
fn null_is_a_userdata_of_type_entity() {
    Script::new(
        r#"
        assert(type(NULL) == "Entity" and TypeID(NULL) == TYPE_ENTITY and isentity(NULL) and not istable(NULL))
        assert(tostring(NULL) == "[NULL Entity]" and "who: " .. NULL == "who: [NULL Entity]")
        assert(not IsValid(NULL) and not NULL:IsPlayer() and NULL:EntIndex() == 0 and NULL:GetTable() == nil)
        assert(NULL.score == nil)
        for _, use in ipairs({ function() NULL.score = 1 end, function() NULL:GetClass() end, function() local _ = NULL.Owner end }) do
            local ok, err = pcall(use)
            assert(not ok and err:find("Tried to use a NULL entity!$"), err)
        end
        assert(getmetatable(NULL) == FindMetaTable("Entity") and FindMetaTable("Entity").MetaName == "Entity")
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn an_entity_has_fields_and_its_classs_methods() {
    Script::new(
        r#"
        local world = game.GetWorld()
        assert(type(world) == "Entity" and tostring(world) == "Entity [0][worldspawn]" and world:GetClass() == "worldspawn")
        assert(world == Entity(0) and world ~= NULL and Entity(12345) == NULL)
        -- As in the game: it is there, and not valid.
        assert(world:IsWorld() and not IsValid(world))
        world.score = 5
        assert(world.score == 5 and world.Owner == NULL and world:GetTable().score == 5 and not NULL.score)
        FindMetaTable("Entity").Shout = function(self) return self.score .. "!" end
        assert(world:Shout() == "5!")
        local seen = { [world] = true }
        assert(seen[Entity(0)])
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn types_are_told_by_metatables() {
    Script::new(
        r#"
        local meta = {}
        RegisterMetaTable("Thing", meta)
        meta.MetaID = 99
        local function of(meta) local made = newproxy() debug.setmetatable(made, meta) return made end
        local thing = of(meta)
        assert(type(thing) == "Thing" and TypeID(thing) == 99 and not isentity(thing))
        assert(type(newproxy()) == "UserData" and TypeID(newproxy()) == TYPE_USERDATA)
        assert(type(setmetatable({}, meta)) == "table" and TypeID(setmetatable({}, meta)) == TYPE_TABLE)
        local player = { MetaName = "Player", MetaID = TYPE_ENTITY, MetaBaseClass = FindMetaTable("Entity") }
        assert(isentity(of(player)))
        host.exit()
        "#,
    )
    .run()
    .code(0);
}
