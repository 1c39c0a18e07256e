//! `#[serde(..)]` on a type that sepia stores. What means the same to sepia is honoured as if it stood in
//! `#[sepia(..)]`; everything else is refused, as it would have no effect in silence.

mod advice;
mod case;

use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitStr};

use crate::attr::{self, FieldKeys, Key, TypeKeys};
use crate::errors::Errors;

pub(crate) use case::Case;

/// The end of every refusal.
const OR_IGNORE: &str = "if serde's attributes are for another format, add `#[sepia(serde = \"ignore\")]` to the type";

/// Reads serde's attributes of a struct into what sepia's own have said.
pub(crate) fn of_type(attrs: &[Attribute], keys: &mut TypeKeys, errors: &mut Errors) {
    attr::each("serde", attrs, errors, |key, input| match key.to_string().as_str() {
        "rename_all" => attr::put(&mut keys.rename_all, key, case(key, input)?),
        "default" => attr::put(&mut keys.default, key, attr::maybe_function(key, input)?),
        "deny_unknown_fields" => attr::put(&mut keys.deny_unknown_fields, key, attr::flag(key, input)?),
        name => Err(refused(key, advice::on_type(name))),
    });
}

/// Refuses serde's attributes where no names are stored: on an enum of references and its variants.
pub(crate) fn of_enum(attrs: &[Attribute], errors: &mut Errors) {
    attr::each("serde", attrs, errors, |key, _| Err(refused(key, advice::ON_ENUM)));
}

/// Reads serde's attributes of a field into what sepia's own have said.
pub(crate) fn of_field(attrs: &[Attribute], keys: &mut FieldKeys, errors: &mut Errors) {
    let mut told = FieldKeys::default();
    let mut halves = Halves::default();
    attr::each("serde", attrs, errors, |key, input| match key.to_string().as_str() {
        "rename" => {
            whole(key, input, advice::SPLIT_RENAME)?;
            attr::put(&mut told.rename, key, attr::text(key, input, "\"name\"")?)
        }
        "skip" => attr::put(&mut told.skip, key, attr::flag(key, input)?),
        "skip_serializing" => attr::put(&mut halves.serializing, key, attr::flag(key, input)?),
        "skip_deserializing" => attr::put(&mut halves.deserializing, key, attr::flag(key, input)?),
        "default" => attr::put(&mut told.default, key, attr::maybe_function(key, input)?),
        "with" => attr::put(&mut told.with, key, attr::module(key, input)?),
        name => Err(refused(key, advice::on_field(name))),
    });
    halves.join(&mut told, errors);
    merge("rename", &mut keys.rename, told.rename, LitStr::value, errors);
    keys.skipped_by_serde = keys.skip.is_none() && told.skip.is_some();
    merge("skip", &mut keys.skip, told.skip, |()| (), errors);
    merge("default", &mut keys.default, told.default, |path| path.to_token_stream().to_string(), errors);
    merge("with", &mut keys.with, told.with, |path| path.to_token_stream().to_string(), errors);
}

/// Both halves of `skip`, which mean the same only together.
#[derive(Default)]
struct Halves {
    serializing: Option<Key<()>>,
    deserializing: Option<Key<()>>,
}

impl Halves {
    fn join(self, told: &mut FieldKeys, errors: &mut Errors) {
        match (self.serializing, self.deserializing) {
            (Some(half), Some(_)) => drop(told.skip.get_or_insert(half)),
            // Beside `skip`, one of them says nothing new.
            (Some(half), None) if told.skip.is_none() => {
                errors.at(half.span, refusal("skip_serializing", advice::HALF_SKIP));
            }
            (None, Some(half)) if told.skip.is_none() => {
                errors.at(half.span, refusal("skip_deserializing", advice::HALF_SKIP));
            }
            _ => {}
        }
    }
}

/// Takes over what serde's attribute says, unless sepia's own says otherwise.
fn merge<T, S: PartialEq>(
    name: &str,
    own: &mut Option<Key<T>>,
    told: Option<Key<T>>,
    said: impl Fn(&T) -> S,
    errors: &mut Errors,
) {
    let Some(told) = told else { return };
    match own {
        None => *own = Some(told),
        Some(own) if said(&own.value) == said(&told.value) => {}
        Some(own) => {
            for (span, one, other) in [(own.span, "sepia", "serde"), (told.span, "serde", "sepia")] {
                errors.at(span, contradiction(name, one, other));
            }
        }
    }
}

fn contradiction(name: &str, one: &str, other: &str) -> String {
    format!(
        "{one}'s `{name}` says something else than {other}'s: keep one of the two, or let both say the same; {OR_IGNORE}"
    )
}

/// Reads `rename_all = "case"`.
fn case(key: &Ident, input: ParseStream<'_>) -> syn::Result<Case> {
    whole(key, input, advice::SPLIT_RENAME_ALL)?;
    let text = attr::text(key, input, "\"camelCase\"")?;
    Case::named(&text.value()).ok_or_else(|| {
        let names: Vec<String> = Case::names().map(|name| format!("`{name:?}`")).collect();
        syn::Error::new(text.span(), format!("`rename_all` takes one of {}", names.join(", ")))
    })
}

/// Refuses a key with one value for writing and another for reading.
fn whole(key: &Ident, input: ParseStream<'_>, advice: &str) -> syn::Result<()> {
    if input.peek(syn::token::Paren) { Err(refused(key, advice)) } else { Ok(()) }
}

fn refused(key: &Ident, advice: &str) -> syn::Error {
    syn::Error::new(key.span(), refusal(&key.to_string(), advice))
}

fn refusal(key: &str, advice: &str) -> String {
    format!("sepia does not follow serde's `{key}`: {advice}; {OR_IGNORE}")
}

/// Reads what `#[sepia(serde = "..")]` says.
pub(crate) fn ignore(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    let text = attr::text(key, input, "\"ignore\"")?;
    if text.value() == "ignore" {
        return Ok(());
    }
    Err(syn::Error::new(text.span(), "`serde` takes `\"ignore\"`: leave it out for serde's attributes to be followed"))
}
