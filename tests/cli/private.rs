//! Who may use a store, and what is made from it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::Sandbox;

impl Sandbox {
    fn mode(&self, below: &str) -> u32 {
        fs::metadata(self.path(below)).unwrap().permissions().mode() & 0o7777
    }
}

#[test]
fn a_store_is_made_private_or_to_be_shared() {
    let sandbox = Sandbox::empty();
    for (arguments, directory, file) in [
        ("", 0o700, 0o600),
        ("--shared ", 0o2770, 0o660),
        ("--shared=group ", 0o2770, 0o660),
        ("--shared=all ", 0o2775, 0o664),
    ] {
        let name = format!("data{}", arguments.trim());
        assert_eq!(sandbox.sepia(&format!("init {arguments}{name}")).to_string(), format!("{name} is a store now\n"));
        assert_eq!(sandbox.mode(&format!("{name}/.sepia")), directory, "{name}");
        assert_eq!(sandbox.mode(&format!("{name}/.sepia/format.json")), file, "{name}");
        let ran = sandbox.sepia(&format!("init {arguments}sqlite:{name}.db"));
        assert_eq!(ran.to_string(), format!("sqlite:{name}.db is a store now\n"));
        assert_eq!(sandbox.mode(&format!("{name}.db")), file, "{name}");
    }
    assert_eq!(sandbox.sepia("init --shared=everybody other").code(), 2);
    assert!(!sandbox.path("other").exists());
}

#[test]
fn a_store_that_is_there_is_shared_from_now_on() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sepia("init data --shared").to_string(), "data is a store already\n");
    assert_eq!((sandbox.mode("data/.sepia"), sandbox.mode("data/Board/work") & 0o2770), (0o2770, 0o2770));
    assert_eq!(sandbox.mode("data/Theme/dark") & 0o660, 0o660);
    sandbox.sepia("copy data sqlite:data.db");
    assert_eq!(sandbox.mode("data.db"), 0o600);
    sandbox.sepia("init sqlite:data.db --shared=all");
    assert_eq!(sandbox.mode("data.db"), 0o664);
}

#[test]
fn a_backup_says_what_it_cannot_keep_hidden() {
    let sandbox = Sandbox::new();
    for path in ["data/Theme/dark", "data/Board/work/boards/0000_project_x/data.json"] {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let said = sandbox.sepia("backup data.tar").to_string();
    assert!(said.contains("files in 2 of them are hidden from other users"), "{said}");
    assert_eq!(sandbox.sepia("backup data.tar --json").json()[0]["hidden"], json!(2));
    sandbox.sepia("export data.jsonl");
    assert_eq!((sandbox.mode("data.tar"), sandbox.mode("data.jsonl")), (0o600, 0o600));
    // What is there keeps its own.
    sandbox.write("data/Theme/dark", "{}");
    sandbox.sepia("restore data.tar --on-conflict replace");
    assert_eq!(sandbox.mode("data/Theme/dark"), 0o600);
}
