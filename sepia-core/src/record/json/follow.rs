//! Reading the fields of one file in the order in which they stand there, which is that of the type as a rule.

use serde::de::DeserializeOwned;

use super::read::{Extent, Fields, cut_fields, parse, parse_unmarked};
use super::{JsonError, is_plain, without_mark};

/// The fields of one file. As long as each that is asked for is the next one, the file is gone through but once; what
/// is asked for otherwise is [cut](cut_fields) out of it.
pub(crate) struct Values<'a> {
    text: &'a str,
    ahead: Ahead<'a>,
    /// How many fields have been read on the way.
    read: usize,
    /// Boxed, as it is rarely there, and the readers of nested containers are on the stack together.
    cut: Option<Box<Fields<'a>>>,
}

/// What has not been read yet.
enum Ahead<'a> {
    /// It begins with the name of the next field, or with what should be one.
    Field(&'a [u8]),
    /// It is behind the bracket that closes the object.
    End(&'a [u8]),
}

/// Why a field cannot be read.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The file is no JSON object of fields.
    File(JsonError),
    /// It is one, and the field is something else than what is asked for.
    Field(JsonError),
}

impl Wrong {
    pub(crate) fn into_error(self) -> JsonError {
        match self {
            Self::File(error) | Self::Field(error) => error,
        }
    }
}

impl<'a> Values<'a> {
    /// Makes sure only that the file begins like one: that it is JSON is known at the [end](Self::end).
    pub(crate) fn of(file: &'a [u8]) -> Result<Self, JsonError> {
        let file = without_mark(file);
        let text = match std::str::from_utf8(file) {
            Ok(text) => text,
            // What is wrong is looked at closely.
            Err(_) => return parse_unmarked(file).map(|fields| Self::of_cut("", fields)),
        };
        match begin(text.as_bytes()) {
            Some(ahead) => Ok(Self { text, ahead, read: 0, cut: None }),
            None => cut_fields(file).map(|fields| Self::of_cut(text, fields)),
        }
    }

    fn of_cut(text: &'a str, fields: Fields<'a>) -> Self {
        Self { text, ahead: Ahead::Field(b""), read: 0, cut: Some(Box::new(fields)) }
    }

    /// Reads a field that nobody else asks for, if it is the next one, and is what is asked for. Whatever it is
    /// otherwise, [`read`](Self::read) tells.
    pub(crate) fn read_next<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let (value, behind) = parse(self.next_is(name)?, Extent::First).ok()?;
        // A name that comes again in the file is noticed because nobody asks for it.
        self.pass(behind).then_some(value)
    }

    /// Reads a field, if the file has it, and nobody has read it.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Wrong> {
        let fields = self.cut().map_err(Wrong::File)?;
        let Some(json) = fields.take(name) else { return Ok(None) };
        let read = fields.read(json);
        // If the file is no JSON, that is not the field's fault.
        read.map(Some).map_err(|error| match fields.check_taken() {
            Ok(()) => Wrong::Field(error),
            Err(_) => Wrong::File(error),
        })
    }

    /// Reads a field that few files have, and that nobody else asks for.
    pub(crate) fn read_rare<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Wrong> {
        // A name can be spelled with escapes.
        if !self.text.contains(name) && !self.text.contains('\\') {
            return Ok(None);
        }
        self.read_next(name).map_or_else(|| self.read(name), |value| Ok(Some(value)))
    }

    /// Makes sure that what was read is of one JSON object of fields.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        match (&self.cut, &self.ahead) {
            (None, Ahead::End([])) => Ok(()),
            _ => self.cut()?.check_taken(),
        }
    }

    /// Returns whether the file has a field that nobody has read.
    pub(crate) fn has(&mut self, name: &str) -> Result<bool, JsonError> {
        Ok(self.cut()?.rest().any(|rest| rest == name))
    }

    /// Returns the names of the fields that nobody has read, once that is [at its end](Self::end).
    pub(crate) fn rest(&self) -> impl Iterator<Item = &str> {
        self.cut.iter().flat_map(|fields| fields.rest())
    }

    /// Makes sure that what nobody has read is JSON, once that is [at its end](Self::end).
    pub(crate) fn check_rest(&self) -> Result<(), JsonError> {
        self.cut.as_ref().map_or(Ok(()), |fields| fields.check_rest())
    }

    /// Returns what begins with the value of the next field, if the field has this name.
    fn next_is(&self, name: &str) -> Option<&'a str> {
        let (None, Ahead::Field([b'"', ahead @ ..])) = (&self.cut, &self.ahead) else { return None };
        let Some((next, [b'"', behind @ ..])) = ahead.split_at_checked(name.len()) else { return None };
        // What is not plain is not spelled like this.
        if next != name.as_bytes() || !is_plain(name) {
            return None;
        }
        let [b':', behind @ ..] = skip_space(behind) else { return None };
        self.text.get(self.text.len() - skip_space(behind).len()..)
    }

    /// Goes on behind a value, if it ends where a field can end.
    fn pass(&mut self, behind: &'a str) -> bool {
        self.ahead = match skip_space(behind.as_bytes()) {
            [b',', next @ ..] => Ahead::Field(skip_space(next)),
            [b'}', behind @ ..] => Ahead::End(skip_space(behind)),
            _ => return false,
        };
        self.read += 1;
        true
    }

    fn cut(&mut self) -> Result<&mut Fields<'a>, JsonError> {
        let fields = match self.cut.take() {
            Some(fields) => fields,
            None => Box::new(cut_fields(self.text.as_bytes())?.without_first(self.read)),
        };
        Ok(self.cut.insert(fields))
    }
}

fn begin(file: &[u8]) -> Option<Ahead<'_>> {
    let [b'{', inside @ ..] = skip_space(file) else { return None };
    Some(match skip_space(inside) {
        [b'}', behind @ ..] => Ahead::End(skip_space(behind)),
        next => Ahead::Field(next),
    })
}

fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\r' | b'\t', behind @ ..] = text {
        text = behind;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Naming, parse_fields};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read_by<T: DeserializeOwned>(values: &mut Values<'_>, name: &str, naming: Naming) -> Result<Option<T>, Wrong> {
        let next = if naming == Naming::Distinct { values.read_next(name) } else { None };
        next.map_or_else(|| values.read(name), |value| Ok(Some(value)))
    }

    /// Reads the fields of these names, and then the rest, one way or the other.
    fn read(file: &[u8], names: &[String], naming: Naming) -> Option<Vec<Option<Value>>> {
        let mut values = Values::of(file).ok()?;
        let read: Option<Vec<_>> = names.iter().map(|name| read_by(&mut values, name, naming).ok()).collect();
        values.end().ok()?;
        values.check_rest().ok()?;
        let rest: Vec<String> = values.rest().map(str::to_owned).collect();
        let rest: Option<Vec<_>> = rest.iter().map(|name| read_by(&mut values, name, naming).ok()).collect();
        Some([read?, rest?].concat())
    }

    fn parsed(file: &[u8], names: &[String]) -> Option<Vec<Option<Value>>> {
        let mut fields = parse_fields(file).ok()?;
        let mut value = |name: &str| match fields.take(name) {
            Some(json) => fields.read(json).map(Some),
            None => Ok(None),
        };
        let read: Result<Vec<_>, _> = names.iter().map(|name| value(name)).collect();
        let rest: Vec<String> = fields.rest().map(str::to_owned).collect();
        let mut value = |name: &str| fields.take(name).map(|json| fields.read(json)).transpose();
        let rest: Result<Vec<_>, _> = rest.iter().map(|name| value(name)).collect();
        Some([read.ok()?, rest.ok()?].concat())
    }

    fn namings(names: &[String]) -> impl Iterator<Item = Naming> {
        let is_distinct = (1..names.len()).all(|at| !names[..at].contains(&names[at]));
        [Naming::Free].into_iter().chain(is_distinct.then_some(Naming::Distinct))
    }

    fn same(file: &str, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        for naming in namings(&names) {
            let (read, parsed) = (read(file.as_bytes(), &names, naming), parsed(file.as_bytes(), &names));
            assert_eq!(read, parsed, "{names:?} of {file}");
        }
    }

    #[test]
    fn what_is_read_on_the_way_is_what_is_parsed() {
        for names in [&[][..], &["a"], &["a", "b"], &["b", "a"], &["a", "a"], &["a", "x", "b"], &["a\"b"], &[""]] {
            for file in [
                "{}",
                " { } ",
                "{\"a\":1}",
                "{\n  \"a\": 1,\n  \"b\": [true]\n}\n",
                "{\"a\" : 1 , \"b\" : {\"c\": \"}\"} } ",
                "{\"b\": 1, \"a\": 2}",
                "{\"a\": 1, \"a\": 2}",
                "{\"a\": 1, \"b\": 2, \"a\": 2}",
                "{\"a\": 1, \"\\u0061\": 2}",
                "{\"\\u0061\": 1, \"b\": 2}",
                "{\"a\\\"b\": 1}",
                "{\"a\"b\": 1}",
                "{\"\": 1}",
                "{\"a\": 1,}",
                "{,\"a\": 1}",
                "{\"a\": 1 \"b\": 2}",
                "{\"a\": 1}}",
                "{\"a\": 1} x",
                "{\"a\": 1",
                "{\"a\": }",
                "{\"a\" 1}",
                "{\"a\": tru, \"b\": 2}",
                "{\"a\": [1 2], \"b\": 2}",
                "{\"a\": 1x, \"b\": 2}",
                "{\"a\": 1, \"b\": 2]",
                "{\"a\": \"\u{1}\"}",
                "{\"a\": \"é\", \"b\": \"\\u00e9\"}",
                "[]",
                "",
            ] {
                same(file, names);
            }
        }
        assert!(Values::of(b"{\"a\": \"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_no_json_is_read_on_the_way(
            file in r#"\{("[a-c\\]"(: ?|)([0-9]|[\[{}\],"\\ a:]|true|"x"){0,6}[,}]?){0,3}\}?"#,
            names in proptest::collection::vec("[a-c]", 0..4),
        ) {
            for naming in namings(&names) {
                prop_assert_eq!(read(file.as_bytes(), &names, naming), parsed(file.as_bytes(), &names));
            }
        }
    }

    /// Reads nothing of what it is given.
    struct Deaf;

    impl<'de> serde::Deserialize<'de> for Deaf {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }

    #[test]
    fn a_type_that_does_not_read_its_value_is_refused_either_way() {
        for json in ["1", "\"x\"", "[1, 2]", "{\"a\": 1}"] {
            let file = format!("{{\"a\": {json}, \"b\": 2}}");
            for names in [["a", "b"], ["b", "a"]] {
                let mut values = Values::of(file.as_bytes()).unwrap();
                let is_read = names.map(|name| match name {
                    "a" => read_by::<Deaf>(&mut values, name, Naming::Distinct).is_ok(),
                    _ => read_by::<u8>(&mut values, name, Naming::Distinct).is_ok(),
                });
                assert_eq!(is_read, names.map(|name| name == "b"), "{file}");
            }
        }
    }
}
