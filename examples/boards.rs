//! A board of sticky notes: saved, looked at, loaded, edited by hand, loaded again.
//!
//! ```text
//! cargo run --example boards               # into ./target/boards
//! cargo run --example boards -- ./_data    # into a directory of your own
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use sepia::{Container, Id, Serializable, Store};

#[path = "support/tree.rs"]
mod tree;

#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "text")] // the file is the text itself
struct Postit {
    id: Id<Postit>,
    text: String,
}

#[derive(Container, Debug, PartialEq)]
struct Board {
    id: Id<Board>,
    name: String, // values -> data.json
    description: Option<String>,
    created_at: jiff::Timestamp, // any serde type is a value
    boards: Vec<Board>,          // containers -> subdirectories
    postits: Vec<Postit>,        // serializables -> symlinks
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args_os().nth(1).map_or_else(|| "target/boards".into(), PathBuf::from);
    let board = work_board()?;

    let store = Store::open(&directory)?;
    store.save(&board)?;
    println!("Saved the board:\n");
    print!("{}", tree::draw(&directory)?);

    let loaded: Board = store.load("work_board")?;
    assert_eq!(loaded, board);
    println!("\nLoaded it again, equal to what was saved. Its note says:\n  {}", loaded.postits[0].text);

    let note = directory.join("Postit/report_postit");
    fs::write(&note, "Write the report by Thursday")?;
    println!("\nRewrote {} as any editor could.", note.display());

    let edited: Board = store.load("work_board")?;
    assert_eq!(edited.postits[0].text, "Write the report by Thursday");
    println!("Loaded the board once more. Its note says:\n  {}", edited.postits[0].text);
    Ok(())
}

fn work_board() -> Result<Board, jiff::Error> {
    let created_at = "2026-01-15T10:30:00Z".parse()?;
    Ok(Board {
        id: "work_board".into(),
        name: "Work".to_owned(),
        description: Some("What has to be done".to_owned()),
        created_at,
        boards: vec![Board {
            id: "project_x".into(),
            name: "Project X".to_owned(),
            description: None,
            created_at,
            boards: Vec::new(),
            postits: vec![Postit { id: "code_review_postit".into(), text: "Review the parser".to_owned() }],
        }],
        postits: vec![Postit { id: "report_postit".into(), text: "Write the report".to_owned() }],
    })
}
