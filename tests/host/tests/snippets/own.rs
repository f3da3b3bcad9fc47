//! The tests of this program itself: it finds the blocks of a page, keeps their lines, and fails for wrong ones.

use std::path::Path;

use libtest_mimic::Failed;

use crate::{Snippet, run, snippets};

pub(crate) fn blocks_are_found() -> Result<(), Failed> {
    let markdown = "\
text
<!-- options: --hibernate -->
<!-- setup
local a = 1
-->

```lua
print(a)
```
<!-- check
assert(a)
-->
```sh
```lua
```
<!-- check
of what another test runs
-->
<!-- setup
of nothing
-->
text
```lua
x = 2
```
````markdown
```lua
not run
```
````
";
    let wanted = vec![
        Snippet {
            line: 8,
            options: vec!["--hibernate".to_owned()],
            setup: Some((4, "local a = 1".to_owned())),
            code: "print(a)".to_owned(),
            check: Some((11, "assert(a)".to_owned())),
        },
        Snippet { line: 24, code: "x = 2".to_owned(), ..Snippet::default() },
    ];
    let found = snippets(markdown);
    if found == wanted { Ok(()) } else { Err(format!("{found:#?}").into()) }
}

pub(crate) fn lines_are_kept() -> Result<(), Failed> {
    let [snippet] = &snippets("\n\n<!-- setup\nsetup\n-->\n```lua\ncode\n```\n<!-- check\ncheck\n-->\n")[..]
    else {
        return Err("one block".into());
    };
    let script = snippet.script();
    let lines: Vec<&str> = script.lines().collect();
    let are = [(4, "setup"), (7, "code"), (10, "check")];
    match are.iter().find(|(line, text)| !lines.get(line - 1).is_some_and(|found| found.starts_with(text))) {
        None => Ok(()),
        Some((line, text)) => Err(format!("no {text} in line {line} of:\n{script}").into()),
    }
}

pub(crate) fn wrong_ones_fail(root: &Path) -> Result<(), Failed> {
    let wrong = [
        ("the block raises", "```lua\nerror('wrong')\n```\n"),
        ("it is no Lua", "```lua\nlocal = 5\n```\n"),
        ("a callback raises", "```lua\nrealtime.Connect(''):Ping(function() error('wrong') end)\n```\n"),
        ("the check fails", "```lua\nlocal a = 5\n```\n<!-- check\nassert(a == 6)\n-->\n"),
    ];
    for (number, (what, markdown)) in wrong.into_iter().enumerate() {
        for snippet in snippets(markdown) {
            match run(root, &format!("wrong-{number}.md"), &snippet) {
                Ok(()) => return Err(format!("{what}, and it passes").into()),
                Err(error) if error.message().is_some_and(|text| !text.contains("[ERROR]")) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }
    Ok(())
}
