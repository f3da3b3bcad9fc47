//! A real redis-server accepts the configurations and lines for `redis-cli`, and the ACL allows exactly what it says.

use std::path::Path;

use libtest_mimic::Failed;

use crate::{
    fresh_folder, host,
    markdown::{self, Block},
    servers::{Redis, words},
    web_site,
};

/// The permissions of the documentation's user, tested from the game.
const AS_THAT_USER: &str = include_str!("as_that_user.lua");

/// A block of redis.conf: the server starts with it. If it creates the game servers' user, that one is tested.
pub(crate) fn configuration(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    if block.code.contains("tls-port ") {
        return speaks_tls(&folder, &block.code);
    }
    let redis = Redis::start(&folder, &block.code)?;
    if block.code.contains("\nuser gmod ") {
        is_right(root, &redis)
    } else if block.code.contains("\nuser ttt-1 ") {
        of_its_own(root, name, &redis)
    } else {
        Ok(())
    }
}

/// A server with a certificate at the page's path, but with another port.
fn speaks_tls(folder: &Path, code: &str) -> Result<(), Failed> {
    certificates::Identity::self_signed(&["redis"]).write(folder, "redis")?;
    let port = real_redis::HeldPort::new()?.number().to_string();
    let redis = Redis::start(folder, &code.replace("/etc/redis/", "").replace("6380", &port))?;
    let told = redis.ask(&["CONFIG", "GET", "tls-port"])?;
    if told.contains(&port) { Ok(()) } else { Err(format!("it speaks no TLS: {told}").into()) }
}

/// Users with parts in parentheses, which Redis has from 7.0 on: a game server can do everything that the addon
/// needs, and the table after the block is correct for each.
fn of_its_own(root: &Path, name: &str, redis: &Redis) -> Result<(), Failed> {
    as_that_user(root, redis, "ttt-1")?;
    let page = std::fs::read_to_string(root.join(name))?;
    let (_, table) = page.split_once("| user | may | may not |").ok_or("no table of what each user may")?;
    let mut seen = 0;
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<Vec<&str>> = row.trim_matches('|').split(" | ").map(markdown::inline_code).collect();
        let [user, may, may_not] = &cells[..] else { return Err(format!("no three cells: {row}").into()) };
        let user = user.first().ok_or("no user")?;
        for (commands, allowed) in [(may, true), (may_not, false)] {
            for command in commands {
                seen += 1;
                let line = format!("ACL DRYRUN {user} {command}");
                let answer = redis.ask(&words(&line))?;
                if (answer.trim() == "OK") != allowed || (!allowed && !answer.contains("no permissions")) {
                    return Err(format!("{line}: {answer}").into());
                }
            }
        }
    }
    if seen > 15 { Ok(()) } else { Err(format!("only {seen} commands were found").into()) }
}

/// Lines for `redis-cli`, typed into a server without users. The result is the same as with the configuration.
pub(crate) fn typed(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    if web_site::has_a_user(block) {
        return web_site::may_do_what_it_needs(root, name, block);
    }
    let redis = Redis::start(&fresh_folder(&format!("{name}-{}", block.line))?, "requirepass admin")?;
    for line in block.code.lines() {
        redis.ask(&words(line))?;
    }
    let written = std::fs::read_to_string(redis.folder().join("redis.conf"))?;
    if !written.contains("\nuser gmod on ") {
        return Err(format!("CONFIG REWRITE wrote no user:\n{written}").into());
    }
    is_right(root, &redis)
}

fn is_right(root: &Path, redis: &Redis) -> Result<(), Failed> {
    let owners = std::fs::read_to_string(root.join("docs/owners.md"))?;
    let told = told(&owners)?;
    let rules = rules(&redis.ask(&["ACL", "GETUSER", "gmod"])?);
    if rules != told {
        return Err(format!("the table has {told:?}, the server {rules:?}").into());
    }
    first_steps(root, redis)?;
    redis.ask(&["CONFIG", "RESETSTAT"])?;
    as_that_user(root, redis, "gmod")?;
    // No permission is superfluous: the server got each of these commands.
    let used = redis.ask(&["INFO", "commandstats"])?;
    let commands = told.iter().filter_map(|rule| rule.strip_prefix('+'));
    for command in commands {
        if !used.contains(&format!("cmdstat_{command}:calls=")) {
            return Err(format!("{command} is allowed, and never used:\n{used}").into());
        }
    }
    Ok(())
}

/// The first steps of each page are allowed: their subscriptions, and their publishes.
fn first_steps(root: &Path, redis: &Redis) -> Result<(), Failed> {
    for name in ["README.md", "docs/owners.md", "docs/addon.md"] {
        let page = std::fs::read_to_string(root.join(name))?;
        let word_behind = |text: &str| {
            let (_, rest) = page.split_once(text).ok_or(format!("{name} has no {text}"))?;
            Ok::<_, String>(rest.split([' ', '`']).next().unwrap_or_default().to_owned())
        };
        let (watched, published) = (word_behind("realtime_tail ")?, word_behind(" PUBLISH ")?);
        if watched != published {
            return Err(format!("{name}: {watched} is watched, and {published} is published to").into());
        }
        for command in [format!("SUBSCRIBE {watched}"), format!("PUBLISH {watched} hello")] {
            let answer = redis.ask(&words(&format!("ACL DRYRUN gmod {command}")))?;
            if answer.trim() != "OK" {
                return Err(format!("{name}: {command}: {answer}").into());
            }
        }
    }
    Ok(())
}

/// Runs the actions that the addon needs, and forbidden ones, over both versions of the protocol.
fn as_that_user(root: &Path, redis: &Redis, user: &str) -> Result<(), Failed> {
    for protocol in ["2", "3"] {
        let folder = fresh_folder(&format!("as-that-user-{}-{protocol}", redis.port()))?;
        let url = format!("redis://{user}:secret@127.0.0.1:{}", redis.port());
        let environment = [("REDIS_URL", &*url), ("HOST_PROTOCOL", protocol)];
        host(root, &folder, "acl.lua", AS_THAT_USER, true, &[], &environment)?;
    }
    Ok(())
}

/// The rules that the table of the page names, sorted.
fn told(owners: &str) -> Result<Vec<String>, Failed> {
    let (_, table) = owners.split_once("| allows | for |").ok_or("no table of what the ACL allows")?;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut rules: Vec<String> = rows
        .flat_map(|row| markdown::inline_code(row.split(" | ").next().unwrap_or(row)))
        .flat_map(str::split_whitespace)
        .map(|rule| rule.replace("\\|", "|"))
        .collect();
    rules.sort();
    Ok(rules)
}

/// The commands and channels of `ACL GETUSER`, sorted.
fn rules(reply: &str) -> Vec<String> {
    let lines: Vec<&str> = reply.lines().collect();
    let behind = |key: &str| {
        let at = lines.iter().position(|line| *line == key);
        at.and_then(|at| lines.get(at + 1)).copied().unwrap_or_default()
    };
    let all = [behind("commands"), behind("channels"), behind("keys")].join(" ");
    let mut rules: Vec<String> =
        all.split_whitespace().filter(|rule| *rule != "-@all").map(str::to_owned).collect();
    rules.sort();
    rules
}

/// A server accepts every `ACL SETUSER …` in the text.
pub(crate) fn in_the_text(root: &Path) -> Result<(), Failed> {
    let redis = Redis::start(&fresh_folder("acl-in-the-text")?, "")?;
    let mut seen = 0;
    for (name, text) in markdown::pages(root) {
        for (number, line) in markdown::prose(&text).lines().enumerate() {
            let rules =
                markdown::inline_code(line).into_iter().filter(|code| code.starts_with("ACL SETUSER "));
            for rule in rules.filter(|rule| !rule.contains('…')) {
                seen += 1;
                // In a table a bar is written with a backslash, in code too.
                let answer = redis.ask(&words(&rule.replace("\\|", "|")));
                answer.map_err(|error| {
                    format!("{name}:{}: {}", number + 1, error.message().unwrap_or_default())
                })?;
            }
        }
    }
    if seen >= 5 { Ok(()) } else { Err(format!("only {seen} were found").into()) }
}
