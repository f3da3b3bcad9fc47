//! The chapters "From a web site": the line for `redis-cli` makes a user that may do what the block of Python needs, and
//! nothing more.
//!
//! The comment `<!-- check` after the line is Python that calls the functions of the block. In it `redis` has
//! `execute_command` of that user, and `admin` is the same function of a user who may do everything.

use std::path::Path;

use libtest_mimic::Failed;

use crate::{
    fresh_folder,
    markdown::{self, Block},
    python,
    servers::{Redis, words},
};

const CHAPTER: &str = "From a web site";

/// The words of the line that allow nothing.
const NO_RULES: [&str; 4] = ["reset", "on", "resetchannels", ">other"];

/// Whether a block for `redis-cli` makes the user of a web site, for the block of Python in the same chapter.
pub(crate) fn has_a_user(block: &Block) -> bool {
    block.language == "redis" && block.code.contains("ACL SETUSER web ")
}

pub(crate) fn may_do_what_it_needs(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    let page = std::fs::read_to_string(root.join(name))?;
    let blocks = markdown::blocks(&page);
    let of_this = |other: &&Block| other.chapter == block.chapter && other.language == "python";
    let program = &blocks.iter().find(of_this).ok_or("no Python in the chapter")?.code;
    let check = block.check.as_deref().ok_or("no check")?;
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    let redis = Redis::start(&folder, "")?;
    let port = redis.port();
    let source = format!(
        "from bridge import Redis\n\n\nclass Client:\n    def __init__(self, login):\n        \
         self.execute_command = Redis(f\"redis://{{login}}127.0.0.1:{port}\").ask\n\n\n{program}\n\n\n\
         redis, admin = Client(\"web:other@\"), Client(\"\").execute_command\n{check}\n"
    );

    let line = words(&block.code);
    works(root, &redis, &line, &source)?;
    for other in ["GET other", "SET other x", "PUBLISH chat x", "KEYS *", "FLUSHALL", "CONFIG GET *"] {
        let answer = redis.ask(&words(&format!("ACL DRYRUN web {other}")))?;
        if !answer.contains("no permissions") {
            return Err(format!("the user may {other}: {answer}").into());
        }
    }
    let rules = line.iter().skip(3).filter(|word| !NO_RULES.contains(word));
    for rule in rules {
        let without: Vec<&str> = line.iter().copied().filter(|word| word != rule).collect();
        if works(root, &redis, &without, &source).is_ok() {
            return Err(format!("{rule} is allowed, and not needed").into());
        }
    }
    Ok(())
}

/// Runs the program with an empty Redis, as the user of this line. Nothing may be refused, in a script neither.
fn works(root: &Path, redis: &Redis, line: &[&str], source: &str) -> Result<(), Failed> {
    redis.ask(&["FLUSHALL"])?;
    redis.ask(line)?;
    redis.ask(&["ACL", "LOG", "RESET"])?;
    python::program(root, redis.folder(), source)?;
    let refused = redis.ask(&["ACL", "LOG"])?;
    if refused.trim().is_empty() { Ok(()) } else { Err(format!("refused:\n{refused}").into()) }
}

/// Each such chapter has one line for its block of Python.
pub(crate) fn each_has_a_user(pages: &[(String, Vec<Block>)]) -> Result<(), Failed> {
    let mut seen = 0;
    for (name, blocks) in pages {
        let count = |is: &dyn Fn(&Block) -> bool| {
            blocks.iter().filter(|block| block.chapter == CHAPTER && is(block)).count()
        };
        let programs = count(&|block| block.language == "python");
        if programs != count(&has_a_user) {
            return Err(format!("{name}: not one user for the program below \"{CHAPTER}\"").into());
        }
        seen += programs;
    }
    if seen >= 4 { Ok(()) } else { Err(format!("only {seen} programs were found").into()) }
}
