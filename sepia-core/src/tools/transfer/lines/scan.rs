//! Reading JSON step by step.

use crate::record::json;

/// Why a line cannot be understood, in a few words.
pub(super) type Reason = String;

/// What is still to be read of a line.
pub(super) struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self(line)
    }

    /// Reads on in an object, up to the value of its next field, and returns the field's name; none at the end of the
    /// object.
    pub(super) fn field(&mut self, is_first: &mut bool) -> Result<Option<String>, Reason> {
        if self.take('}') {
            return Ok(None);
        }
        if !std::mem::take(is_first) {
            self.expect(',')?;
        }
        let name = self.string()?;
        self.expect(':')?;
        Ok(Some(name))
    }

    pub(super) fn string(&mut self) -> Result<String, Reason> {
        let text = self.0.trim_ascii_start();
        if !text.starts_with('"') {
            return Err(self.unexpected("a string"));
        }
        let (string, rest) = text.split_at(json::string_length(text.as_bytes()));
        let string = serde_json::from_str(string).map_err(|_| self.unexpected("a string"))?;
        self.0 = rest;
        Ok(string)
    }

    /// Reads a value of any kind, and returns its text, without white space between its tokens.
    pub(super) fn json(&mut self) -> Result<String, Reason> {
        let text = self.0.trim_ascii_start();
        let bytes = text.as_bytes();
        let (mut at, mut depth) = (0, 0_usize);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at += json::string_length(&bytes[at..]) - 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        let (value, rest) = text.split_at(at);
        if !json::is_json(value) {
            return Err(self.unexpected("a value"));
        }
        self.0 = rest;
        Ok(json::compact(value))
    }

    pub(super) fn expect(&mut self, character: char) -> Result<(), Reason> {
        match self.take(character) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("{character:?}"))),
        }
    }

    /// Nothing may come any more.
    pub(super) fn end(&mut self) -> Result<(), Reason> {
        match self.0.trim_ascii_start().is_empty() {
            true => Ok(()),
            false => Err(self.unexpected("the end")),
        }
    }

    fn take(&mut self, character: char) -> bool {
        match self.0.trim_ascii_start().strip_prefix(character) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn unexpected(&self, expected: &str) -> Reason {
        let rest: String = self.0.trim_ascii_start().chars().take(20).collect();
        format!("{expected} is expected where {rest:?} stands")
    }
}
