//! Where generations are found: in the columns `base` and `generation`, of classes that keep them, or may.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use crate::record::Key;
use crate::record::class::Class;
use crate::record::name::generation_of;

/// The number of a generation, as SQLite keeps it in order and exactly: an integer, or, above those of SQLite, a text of
/// its digits, which comes after every integer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Number {
    Integer(i64),
    Text(String),
}

/// The digits of the greatest.
const DIGITS: usize = 20;

impl Number {
    fn of(generation: u64) -> Self {
        match i64::try_from(generation) {
            Ok(integer) => Self::Integer(integer),
            Err(_) => Self::Text(format!("{generation:0DIGITS$}")),
        }
    }

    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Text(digits) => ValueRef::Text(digits.as_bytes()),
        }
    }
}

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_value()))
    }
}

/// Returns the base and generation of a key, if its class keeps them, or may.
pub(super) fn of(class: Option<&Class>, key: &Key) -> Option<(Key, Number)> {
    class.is_some_and(Class::may_keep_generations).then(|| {
        let (base, generation) = key.generation();
        (base, Number::of(generation))
    })
}

/// Whether these are the columns of a key.
pub(super) fn is(placed: Option<&(Key, Number)>, base: ValueRef<'_>, generation: ValueRef<'_>) -> bool {
    match placed {
        Some((key, number)) => base == ValueRef::Text(key.id().as_bytes()) && generation == number.as_value(),
        None => base == ValueRef::Null && generation == ValueRef::Null,
    }
}

/// Whether an id is a generation of a base, and this its number.
pub(super) fn is_of(base: &str, id: &str, number: ValueRef<'_>) -> bool {
    generation_of(base, id).is_some_and(|generation| number == Number::of(generation).as_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_above_those_of_sqlite_are_texts_in_their_order() {
        let text = |generation: u64| match Number::of(generation) {
            Number::Text(text) => text,
            Number::Integer(integer) => unreachable!("{integer}"),
        };
        let first = i64::MAX.unsigned_abs();
        assert_eq!(Number::of(first), Number::Integer(i64::MAX));
        assert_eq!(text(first + 1), "09223372036854775808");
        assert!(text(first + 1) < text(u64::MAX / 3 * 2) && text(u64::MAX / 3 * 2) < text(u64::MAX));
    }
}
