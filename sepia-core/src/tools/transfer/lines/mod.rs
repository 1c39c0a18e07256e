//! JSON Lines: the form of a store for other programs, which [`transfer`](crate::tools::transfer) describes.

mod parse;
mod print;
mod scan;

pub(super) use parse::{parse_header, parse_record};
pub(super) use print::{print_header, print_record};

/// Has the classes, in the first line.
const HEADER: &str = "sepia";
const CLASS: &str = "class";
const ID: &str = "id";
/// The JSON of a leaf.
const JSON: &str = "json";
/// The JSON of a container's `data.json`.
const DATA: &str = "data";
const TEXT: &str = "text";
const BASE64: &str = "base64";
const ENTRIES: &str = "entries";
const LINK: &str = "link";
const COLLECTION: &str = "collection";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::class::{Class, Format};
    use crate::record::error::Result;
    use crate::record::{Entries, Entry, Key, Name, Node, Record};

    fn back(class: &Class, record: &Record) -> Result<String> {
        let key = Key::new(class.name(), "x\"\u{1}")?;
        let line = print_record(&key, record, Some(class));
        assert!(!line.trim_end().contains('\n') && line.ends_with('\n'), "{line}");
        assert_eq!(parse_record(&line)?, (key, record.clone()));
        Ok(line)
    }

    #[test]
    fn leaves_are_shown_by_their_content_and_come_back() -> Result<()> {
        let contents: [&[u8]; 10] = [
            b"",
            b"{}\n",
            b"{}",
            b"{\n  \"a\": 1.50\n}\n",
            b"{\"a\": 1.50}",
            b"\xef\xbb\xbf{\"a\": 1.50}",
            b"{",
            b"\xff",
            b"null\n",
            b" \n\"\\\0",
        ];
        for format in [Format::Json, Format::Text, Format::Bytes, Format::Custom] {
            for content in contents {
                let line = back(&Class::serializable("C", format), &Record::Leaf(content.to_vec()))?;
                assert_eq!(line.contains("\"base64\":"), format == Format::Bytes || content == b"\xff", "{line}");
            }
        }
        let line = back(&Class::serializable("C", Format::Json), &Record::Leaf(b"{\n  \"a\": 1.50\n}\n".to_vec()))?;
        assert!(line.ends_with(",\"json\":{\"a\":1.50}}\n"), "{line}");
        Ok(())
    }

    #[test]
    fn containers_come_back_with_all_that_is_in_them() -> Result<()> {
        let link = |id: &str| Ok::<_, crate::Error>(Entry::Link(Key::new("Note", id)?));
        let entries = |of: Vec<(&str, Entry)>| {
            let named: Result<Vec<_>> = of.into_iter().map(|(name, entry)| Ok((Name::of(name)?, entry))).collect();
            named.map(|named| Entries::new(named).unwrap_or_default())
        };
        let inner = Node { data: b"{ }".to_vec(), entries: entries(vec![("data", link("d")?)])? };
        let broken = Node { data: b"\xff{".to_vec(), entries: Entries::default() };
        let list = Entry::Collection(entries(vec![("0000_a", Entry::Container(inner)), ("\u{1}/", link("../x")?)])?);
        let node = Node {
            data: b"{\n  \"n\": []\n}\n".to_vec(),
            entries: entries(vec![("", link("é")?), ("list", list), ("link", Entry::Container(broken))])?,
        };
        let line = back(&Class::container("C"), &Record::Container(node))?;
        assert!(line.contains("\"data\":{\"n\":[]},\"entries\":{\"\":{\"link\":[\"Note\",\"é\"]},"), "{line}");
        Ok(())
    }

    #[test]
    fn what_other_programs_write_is_taken_too() -> Result<()> {
        let line = " { \"json\" : { \"a\" : 1 } , \"id\":\"\\u0061\", \"class\":\"C\" } \r\n";
        let (key, record) = parse_record(line)?;
        assert_eq!((key.path(), record), ("C/a".to_owned(), Record::Leaf(b"{\n  \"a\": 1\n}\n".to_vec())));
        Ok(())
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let deep = |levels: usize| {
            let (open, close) = ("{\"a\":{\"collection\":".repeat(levels), "}}".repeat(levels));
            format!("{{\"class\":\"C\",\"id\":\"x\",\"data\":{{}},\"entries\":{open}{{}}{close}}}")
        };
        // As deep as can be, in a thread of the usual two megabytes.
        for levels in [300, crate::record::MAX_DIRECTORIES] {
            let read = parse_record(&deep(levels));
            let printed = read.map(|(key, record)| print_record(&key, &record, None));
            assert_eq!(printed.ok(), Some(deep(levels) + "\n"));
        }
        let lines = [
            "",
            "null",
            "[]",
            "{}",
            "{",
            r#"{"class":"C","id":"x"}"#,
            r#"{"class":"C","id":"x","text":"a"} x"#,
            r#"{"class":"C","id":"x","text":"a""#,
            r#"{"class":"C","id":"x","text":"a"#,
            r#"{"class":"C","id":"x","text":"a",}"#,
            r#"{"class":"C","id":"x","text":"a","more":1}"#,
            r#"{"class":"C","id":"x","text":"a","text":"b"}"#,
            r#"{"class":"C","id":"x","text":1}"#,
            r#"{"class":"C","id":"","text":"a"}"#,
            r#"{"class":"","id":"x","text":"a"}"#,
            r#"{"class":"C","text":"a"}"#,
            r#"{"class":"C","id":"x","base64":"?"}"#,
            r#"{"class":"C","id":"x","text":"a","base64":"YQ=="}"#,
            r#"{"class":"C","id":"x","json":{"a":1},"text":"{\"a\":2}"}"#,
            r#"{"class":"C","id":"x","json":{"a":1},"base64":"YQ=="}"#,
            r#"{"class":"C","id":"x","json":{"a":01}}"#,
            r#"{"class":"C","id":"x","json":}"#,
            r#"{"class":"C","id":"x","json":{"a":1}"#,
            r#"{"class":"C","id":"x","data":{}}"#,
            r#"{"class":"C","id":"x","json":{},"entries":{}}"#,
            r#"{"class":"C","id":"x","entries":{}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":[]}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"link":["C"]}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"link":["C","x","y"]}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"link":["C",""]}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"link":["C","x"],"collection":{}}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"link":["C","x"]},"a":{"link":["C","x"]}}}"#,
            r#"{"class":"C","id":"x","data":{},"entries":{"a":{"class":"C","data":{},"entries":{}}}}"#,
        ];
        let long =
            format!(r#"{{"class":"C","id":"x","data":{{}},"entries":{{"{}":{{"link":["C","x"]}}}}}}"#, "n".repeat(256));
        let nested = "[".repeat(200) + &"]".repeat(200);
        let nested = format!(r#"{{"class":"C","id":"x","json":{nested}}}"#);
        for line in
            lines.into_iter().chain([&*deep(crate::record::MAX_DIRECTORIES + 1), &*deep(100_000), &*long, &*nested])
        {
            assert!(parse_record(line).is_err(), "{}", &line[..line.len().min(200)]);
        }
        for header in ["", "{}", "{\"sepia\":{}}", "{\"sepia\":{\"format\":1,\"classes\":{}},\"x\":1}", "{\"sepia\":1"]
        {
            assert!(parse_header(header).is_err(), "{header}");
        }
    }
}
