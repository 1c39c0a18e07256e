//! Objects that are changed without their types: `set`, `put`.

use std::io::Write;
use std::process::Stdio;
use std::thread;

use snapbox::str;

use crate::support::{Board, Postit, Ran, Sandbox, Theme, shows};

impl Sandbox {
    /// Runs a command on the store `data` with arguments that may have spaces.
    fn with(&self, arguments: &[&str]) -> Ran {
        self.run(self.command(arguments).env("SEPIA_STORE", "data"))
    }

    /// Runs `sepia put` with this on standard input.
    fn put(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut all = vec!["put"];
        all.extend(arguments);
        let mut command = self.command(&all);
        command.env("SEPIA_STORE", "data").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have refused before it reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        self.ran(child.wait_with_output().unwrap())
    }

    fn board(&self, id: &str) -> Board {
        self.store().load(id).unwrap()
    }
}

#[test]
fn fields_are_set_all_at_once() {
    let sandbox = Sandbox::new();
    let arguments =
        ["set", "Board/work", "name=New name", "description=null", "tags=[\"a\", \"b\"]", "--link", "next=Board/work"];
    shows(
        sandbox.with(&arguments),
        str![[r#"
saved Board/work

"#]],
    );
    let board = sandbox.board("work");
    assert_eq!((board.name.as_str(), board.description, board.tags), ("New name", None, vec!["a".into(), "b".into()]));
    assert_eq!(board.next.unwrap().id().as_str(), "work");
    // Again: nothing is written.
    shows(
        sandbox.with(&["set", "work", "name=\"New name\"", "--json", "--class", "Board"]),
        str![[r#"
{"object":"Board/work","class":"Board","id":"work","changed":false}

"#]],
    );
    // What is nested, and what is a serializable object.
    shows(
        sandbox.with(&["set", "data/Board/work/boards/0000_project_x", "name=Project Y"]),
        str![[r#"
saved Board/work

"#]],
    );
    assert_eq!(sandbox.board("work").boards[0].name, "Project Y");
    shows(
        sandbox.with(&["set", "Theme/dark", "--string", "colour=null", "size=12345678901234567890123"]),
        str![[r#"
saved Theme/dark

"#]],
    );
    let theme: Theme = sandbox.store().load("dark").unwrap();
    assert_eq!((theme.colour.as_str(), theme.size), ("null", 12_345_678_901_234_567_890_123));
    sandbox.with(&["set", "Theme/dark", "size=1.50"]);
    assert!(sandbox.read("data/Theme/dark").contains("\"size\": 1.50\n"));
    // A field that was a link, and one that is no longer there.
    assert_eq!(sandbox.with(&["set", "Board/work", "--remove", "next"]).code(), 0);
    assert_eq!(sandbox.with(&["set", "Board/work", "--remove", "postits/0000_report"]).code(), 0);
    let board = sandbox.board("work");
    assert!(board.next.is_none() && board.postits.is_empty());
    assert_eq!(sandbox.sepia("verify").code(), 0);
}

#[test]
fn what_would_keep_programs_from_loading_the_object_is_not_set() {
    let sandbox = Sandbox::new();
    let before = sandbox.sepia("export").stdout();
    for (arguments, said) in [
        (&["Board/work"][..], "nothing is to be set"),
        (&["Board/work", "name"], "write FIELD=VALUE"),
        (&["Board/work", "nmae=x"], "there is no field \"nmae\" in Board/work: --new"),
        (&["Board/work", "sepia_id=x", "--new"], "sepia_"),
        (&["Board/work", "next=null"], "the field holds objects"),
        (&["Board/work", "--link", "name=Board/home"], "the field is a value"),
        (&["Board/work", "--link", "postits=Board/home"], "the field is a collection"),
        (&["Board/work", "--link", "next=Board/nowhere"], "there is no object Board/nowhere"),
        (&["Board/work", "--remove", "nothing"], "there is no \"nothing\" in Board/work"),
        (&["Board/work", "--remove", "postits/0007_x"], "there is no \"postits/0007_x\""),
        (&["Board/work", "name=ok", "nmae=x"], "nmae"),
        (&["Board/work/boards", "name=x"], "is a collection"),
        (&["Board/nowhere", "name=x"], "there is no object Board/nowhere"),
        (&["Photo/wall", "name=x", "--new"], "no fields"),
        (&["Theme/dark", "--link", "next=Board/home"], "one file"),
    ] {
        let ran = sandbox.with(&[&["set"], arguments].concat());
        assert!(ran.code() == 2 && ran.stderr().contains(said), "{arguments:?}: {ran}");
    }
    assert_eq!(sandbox.sepia("export").stdout(), before);
    // What is asked for is done.
    assert_eq!(sandbox.with(&["set", "Board/work", "more=1", "--new"]).code(), 0);
    let arguments = ["set", "Board/work", "--remove", "next", "--remove", "more", "next=1"];
    assert_eq!(sandbox.with(&arguments).code(), 0);
    assert!(sandbox.read("data/Board/work/data.json").contains("\"next\": 1"));
}

#[test]
fn an_object_goes_out_and_comes_back_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.write("data/Theme/odd", "{ \"colour\":\"red\",\"size\": 1 }");
    let before = sandbox.sepia("export").stdout();
    for object in ["Board/work", "Postit/report.2", "Photo/wall", "Theme/dark", "Theme/odd"] {
        let shown = sandbox.with(&["show", object, "--json"]).stdout();
        let unchanged = sandbox.put(&shown, &[object, "--replace"]);
        assert_eq!(unchanged.stdout(), format!("not changed: {object}\n"), "{unchanged}");
        let refused = sandbox.put(&shown, &[object]);
        assert!(refused.code() == 2 && refused.stderr().contains("is there already"), "{refused}");
        assert_eq!(sandbox.sepia("export").stdout(), before);

        let content = sandbox.with(&["show", object, "--raw"]).bytes().to_vec();
        assert_eq!(sandbox.with(&["rm", "--yes", "--force", object]).code(), 0);
        let put = sandbox.put(&shown, &[object]);
        assert_eq!(put.stdout(), format!("saved {object}\n"), "{put}");
        assert_eq!(sandbox.with(&["show", object, "--raw"]).bytes().to_vec(), content);
        assert_eq!(sandbox.sepia("export").stdout(), before);
    }
}

#[test]
fn what_is_put_may_be_new_and_a_copy() {
    let sandbox = Sandbox::new();
    let shown = sandbox.with(&["show", "Board/work", "--json"]).stdout();
    shows(
        sandbox.put(&shown, &["Board/copy", "--json"]),
        str![[r#"
{"object":"Board/copy","class":"Board","id":"copy","changed":true}

"#]],
    );
    let (work, copy) = (sandbox.board("work"), sandbox.board("copy"));
    assert_eq!((work.name, work.boards, work.postits), (copy.name, copy.boards, copy.postits));
    let theme = r#"{"values": {"colour": "red", "size": 340282366920938463463374607431768211455}}"#;
    assert_eq!(sandbox.put(theme, &["Theme/red"]).code(), 0);
    let made = "{\n  \"colour\": \"red\",\n  \"size\": 340282366920938463463374607431768211455\n}\n";
    assert_eq!(sandbox.read("data/Theme/red"), made);
    let nested = r#"{"values":{"name":"x","description":null,"tags":[],"sepia_id":"inner"},"entries":{}}"#;
    let board =
        format!(r#"{{"values":{{"name":"n"}},"entries":{{"inner":{nested},"pinned":{{"class":"Postit","id":"x"}}}}}}"#);
    assert_eq!(sandbox.put(&board, &["Board/free"]).code(), 0);
    assert_eq!(sandbox.with(&["set", "Board/free/inner", "name=y"]).code(), 0);
}

#[test]
fn what_replaces_a_generation_is_the_next_one() {
    let sandbox = Sandbox::new();
    let text = |text: &str| format!("{{\"text\": \"{text}\"}}");
    shows(
        sandbox.put(&text("new"), &["Postit/fresh"]),
        str![[r#"
saved Postit/fresh.0

"#]],
    );
    shows(
        sandbox.put(&text("newer"), &["Postit/fresh", "--replace"]),
        str![[r#"
saved Postit/fresh.1

"#]],
    );
    shows(
        sandbox.put(&text("never"), &["Postit/fresh.0", "--replace"]),
        str![[r#"
sepia: Postit/fresh.0 is not the newest generation, and history stays as it is: --in-place changes it all the same
=> 2

"#]],
    );
    shows(
        sandbox.put(&text("mended"), &["Postit/fresh.0", "--replace", "--in-place"]),
        str![[r#"
saved Postit/fresh.0

"#]],
    );
    assert_eq!(sandbox.store().load::<Postit>("fresh.0").unwrap().text, "mended");
    assert_eq!(sandbox.store().load::<Postit>("fresh").unwrap().text, "newer");
}

#[test]
fn what_is_no_object_of_its_class_is_not_put() {
    let sandbox = Sandbox::new();
    let before = sandbox.sepia("export").stdout();
    let deep = format!("{{\"values\":{{\"a\":{}{}}}}}", "[".repeat(127), "]".repeat(127));
    let collections = (0..450).fold("{\"x\":{\"class\":\"B\",\"id\":\"x\"}}".to_owned(), |inner, _| {
        format!("{{\"x\":{{\"entries\":{inner}}}}}")
    });
    let collections = format!("{{\"values\":{{}},\"entries\":{collections}}}");
    for (object, input, said) in [
        ("Nobody/x", "{}", "there is no class \"Nobody\""),
        ("Board/x", "", "sepia show --json"),
        ("Board/x", "{\"values\":{}} {}", "sepia show --json"),
        ("Board/x", "{\"valeus\":{}}", "valeus"),
        ("Board/x", "{\"values\":null}", "{values, entries}"),
        ("Board/x", "{\"values\":[]}", "JSON object of fields"),
        ("Board/x", "{\"values\":{\"a\":1,\"a\":2}}", "twice"),
        ("Board/x", "{\"text\":\"x\"}", "{values, entries}"),
        ("Board/x", "{\"values\":{},\"within\":\"boards\"}", "a part of an object"),
        ("Board/x", "{\"values\":{},\"entries\":{\"a\":{}}}", "neither a link"),
        ("Board/x", "{\"values\":{},\"entries\":{\"a\":{\"stray\":true}}}", "stray"),
        ("Board/x", "{\"values\":{},\"entries\":{\"a/b\":{\"class\":\"B\",\"id\":\"x\"}}}", "encoded as on disk"),
        ("Board/x", "{\"values\":{},\"entries\":{\"a\":{\"class\":\"B\",\"id\":\"\"}}}", "empty"),
        ("Board/x", "{\"values\":{},\"entries\":{\"a\":{\"values\":{}}}}", "sepia_id"),
        (
            "Board/x",
            "{\"values\":{\"a\":1},\"entries\":{\"a\":{\"class\":\"B\",\"id\":\"x\"}}}",
            "one of them would be lost",
        ),
        ("Board/x", "{\"values\":{\"sepia_id\":\"x\"}}", "not nested"),
        ("Board/x", &deep, "127"),
        ("Board/x", &collections, "400"),
        ("Theme/x", "{\"text\":\"[]\"}", "JSON object of fields"),
        ("Theme/x", "{\"values\":{},\"entries\":{}}", "{values}"),
        ("Postit/x", "{\"values\":{}}", "{text}"),
        ("Postit/x", "{\"base64\":\"/w==\"}", "UTF-8"),
        ("Photo/x", "{\"base64\":\"?\"}", "Base64"),
    ] {
        let ran = sandbox.put(input, &[object]);
        assert!(ran.code() == 2 && ran.stderr().contains(said), "{object} {input}: {ran}");
    }
    assert_eq!(sandbox.sepia("export").stdout(), before);
}

#[test]
fn of_programs_that_set_at_once_none_undoes_what_another_has_done() {
    let sandbox = Sandbox::new();
    thread::scope(|scope| {
        for number in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                loop {
                    let ran = sandbox.with(&["set", "Board/work", "--new", &format!("field{number}={number}")]);
                    if ran.code() == 0 {
                        break;
                    }
                    assert!(ran.stderr().contains("changed elsewhere"), "{ran}");
                }
            });
        }
    });
    let data = sandbox.read("data/Board/work/data.json");
    for number in 0..8 {
        assert!(data.contains(&format!("\"field{number}\": {number}")), "{data}");
    }
}
