//! Objects that are larger than `--max-record-size`.

use snapbox::str;

use crate::support::{Sandbox, shows};

#[test]
fn a_limit_to_the_size_of_objects_is_told_and_no_repair_moves_anything() {
    let sandbox = Sandbox::new();
    sandbox.write("data/Postit/long", "x".repeat(2000));
    let before = sandbox.read("data/Postit/long");
    assert_eq!(sandbox.sepia("verify").code(), 0);
    for command in ["verify --repair --max-record-size 1KiB", "--max-record-size=1024 verify --repair"] {
        shows(
            sandbox.sepia(command),
            str![[r#"
too-large  Postit/long: the record has 2000 bytes, and the limit is 1024: `StoreBuilder::max_record_size`, `Archive::max_record_size` or `sepia --max-record-size` sets another one (class "Postit", id "long", at data/Postit/long)
  not mended: it stays as it is: open the store for larger records to find out whether anything is wrong
8 records, 408 B: 1 problem
=> 1

"#]],
        );
    }
    assert_eq!(sandbox.read("data/Postit/long"), before);
    shows(
        sandbox.sepia("show Postit/long --max-record-size 1000"),
        str![[r#"
sepia: the record has 2000 bytes, and the limit is 1000: `StoreBuilder::max_record_size`, `Archive::max_record_size` or `sepia --max-record-size` sets another one (class "Postit", id "long", at data/Postit/long)
=> 2

"#]],
    );
    assert_eq!(sandbox.sepia("backup a.tar").code(), 0);
    assert_eq!(sandbox.sepia("restore --verify a.tar").code(), 0);
    shows(
        sandbox.sepia("restore --verify a.tar --max-record-size 1KiB"),
        str![[r#"
sepia: the record has 2000 bytes, and the limit is 1024: `StoreBuilder::max_record_size`, `Archive::max_record_size` or `sepia --max-record-size` sets another one (class "Postit", id "long", at a.tar)
=> 2

"#]],
    );
    shows(
        sandbox.sepia("--store new restore a.tar --max-record-size 1KiB"),
        str![[r#"
sepia: the record has 2000 bytes, and the limit is 1024: `StoreBuilder::max_record_size`, `Archive::max_record_size` or `sepia --max-record-size` sets another one (class "Postit", id "long")
=> 2

"#]],
    );
    assert!(!sandbox.path("new").exists());
    shows(
        sandbox.sepia("ls --max-record-size 1.5GB"),
        str![[r#"
error: invalid value '1.5GB' for '--max-record-size <SIZE>': write it like 64MiB, 1GiB or 4096

For more information, try '--help'.
=> 2

"#]],
    );
}
