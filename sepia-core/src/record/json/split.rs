//! Cutting a JSON object into its fields without parsing what is in them.

use std::borrow::Cow;

use super::read::Field;

/// Cuts a text into the fields of the JSON object that it is; `None` if it is none, or has a name with an escape in it.
///
/// What stands between the fields is checked, and what is in them is not. If the JSON of every one of them is valid,
/// so is the whole, and these are its fields: brackets that match outside of strings cannot match otherwise.
pub(super) fn split(text: &str) -> Option<Vec<Field<'_>>> {
    let mut rest = Rest { text, at: 0 };
    let mut fields = Vec::with_capacity(8);
    rest.space();
    rest.expect(b'{')?;
    rest.space();
    if rest.peek() == Some(b'}') {
        rest.at += 1;
    } else {
        loop {
            let name = rest.name()?;
            rest.space();
            rest.expect(b':')?;
            rest.space();
            fields.push((Cow::Borrowed(name), Some(rest.value()?)));
            rest.space();
            match rest.next()? {
                b',' => rest.space(),
                b'}' => break,
                _ => return None,
            }
        }
    }
    rest.space();
    rest.peek().is_none().then_some(fields)
}

/// Ends the text of a string, or escapes in it.
const QUOTE: u8 = 1;
/// Cannot stand in a name without an escape, or ends it.
const NAME: u8 = 2;
/// Ends a number or word.
const END: u8 = 4;
/// Opens or closes what stands in brackets, or begins a string in it.
const BRACKET: u8 = 8;

/// What each byte is: one look tells.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'"' => QUOTE | NAME | BRACKET,
            b'\\' => QUOTE | NAME,
            b'\n' | b'\r' | b'\t' => NAME | END,
            ..b' ' => NAME,
            b' ' | b',' => END,
            b'}' | b']' => END | BRACKET,
            b'{' | b'[' => BRACKET,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// What has not been looked at yet.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes on to the next byte that is one of these, and returns it.
    fn skip_to(&mut self, kinds: u8) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let found = rest.iter().position(|byte| KINDS[usize::from(*byte)] & kinds != 0)?;
        self.at += found;
        Some(rest[found])
    }

    /// Takes a string without escapes.
    fn name(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_to(NAME)?;
        let name = self.text.get(start..self.at)?;
        self.expect(b'"')?;
        Some(name)
    }

    /// Takes a value.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' => self.brackets()?,
            _ => {
                self.skip_to(END)?;
            }
        }
        self.text.get(start..self.at)
    }

    /// Goes on behind a string.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            if self.skip_to(QUOTE)? == b'"' {
                self.at += 1;
                return Some(());
            }
            // The backslash, and what it escapes, or how that begins.
            self.at += 2;
        }
    }

    /// Goes on behind the bracket that closes the one which stands here.
    fn brackets(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.skip_to(BRACKET)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}
