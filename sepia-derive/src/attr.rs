//! `#[sepia(..)]`: parses it and keeps every key's span. What the keys mean together is for [`crate::check`].

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Token};

use crate::errors::Errors;
use crate::serde::{self, Case};

/// The keys that a type takes.
const ON_TYPES: &[&str] = &["class", "content", "generations", "ignore_unknown", "crate", "serde"];
/// The keys that an enum of references takes.
const ON_ENUMS: &[&str] = &["crate", "serde"];
/// The keys that a field takes.
const ON_FIELDS: &[&str] = &["id", "rename", "skip", "default", "value", "reference", "with"];

/// A key that was written: where, and with which value.
pub(crate) struct Key<T> {
    pub(crate) span: Span,
    pub(crate) value: T,
}

/// What `#[sepia(..)]`, and serde's attributes of the same meaning, say about a type.
#[derive(Default)]
pub(crate) struct TypeKeys {
    pub(crate) class: Option<Key<LitStr>>,
    pub(crate) content: Option<Key<LitStr>>,
    pub(crate) generations: Option<Key<()>>,
    pub(crate) ignore_unknown: Option<Key<()>>,
    pub(crate) krate: Option<Key<Path>>,
    /// Serde's attributes are for another format.
    pub(crate) ignore_serde: Option<Key<()>>,
    /// Of serde: how fields without a name of their own are called.
    pub(crate) rename_all: Option<Key<Case>>,
    /// Of serde: what the fields are taken from that a record does not have.
    pub(crate) default: Option<Key<Option<ExprPath>>>,
    /// Of serde: what sepia does anyway.
    pub(crate) deny_unknown_fields: Option<Key<()>>,
}

/// What `#[sepia(..)]`, and serde's attributes of the same meaning, say about a field.
#[derive(Default)]
pub(crate) struct FieldKeys {
    pub(crate) id: Option<Key<()>>,
    pub(crate) rename: Option<Key<LitStr>>,
    pub(crate) skip: Option<Key<()>>,
    pub(crate) default: Option<Key<Option<ExprPath>>>,
    pub(crate) value: Option<Key<()>>,
    pub(crate) reference: Option<Key<()>>,
    pub(crate) with: Option<Key<Path>>,
    /// It is serde's `skip` alone.
    pub(crate) skipped_by_serde: bool,
}

impl TypeKeys {
    /// Returns whether serde's attributes say how the fields are stored: not if they are for another format, nor if the
    /// type's own code stores them.
    pub(crate) fn follow_serde(&self) -> bool {
        self.ignore_serde.is_none() && self.content.as_ref().is_none_or(|content| content.value.value() != "custom")
    }
}

impl FieldKeys {
    /// Returns every key that was written, in a fixed order, with its span.
    pub(crate) fn written(&self) -> Vec<(&'static str, Span)> {
        fn entry<T>(name: &'static str, key: &Option<Key<T>>) -> Option<(&'static str, Span)> {
            key.as_ref().map(|key| (name, key.span))
        }
        [
            entry("id", &self.id),
            entry("rename", &self.rename),
            entry("skip", &self.skip),
            entry("default", &self.default),
            entry("value", &self.value),
            entry("reference", &self.reference),
            entry("with", &self.with),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Reads the attributes of a struct.
pub(crate) fn of_type(attrs: &[Attribute], errors: &mut Errors) -> TypeKeys {
    let mut keys = TypeKeys::default();
    each("sepia", attrs, errors, |key, input| match key.to_string().as_str() {
        "class" => put(&mut keys.class, key, text(key, input, "\"Name\"")?),
        "content" => put(&mut keys.content, key, text(key, input, "\"text\"")?),
        "generations" => put(&mut keys.generations, key, flag(key, input)?),
        "ignore_unknown" => put(&mut keys.ignore_unknown, key, flag(key, input)?),
        "crate" => put(&mut keys.krate, key, module(key, input)?),
        "serde" => put(&mut keys.ignore_serde, key, serde::ignore(key, input)?),
        _ => Err(unknown(key, "a type", ON_TYPES)),
    });
    keys
}

/// Reads the attributes of an enum of references.
pub(crate) fn of_enum(attrs: &[Attribute], errors: &mut Errors) -> TypeKeys {
    let mut keys = TypeKeys::default();
    each("sepia", attrs, errors, |key, input| match key.to_string().as_str() {
        "crate" => put(&mut keys.krate, key, module(key, input)?),
        "serde" => put(&mut keys.ignore_serde, key, serde::ignore(key, input)?),
        _ => Err(unknown(key, "an enum of references", ON_ENUMS)),
    });
    keys
}

/// Reports every attribute of a place that takes none.
pub(crate) fn of_variant(attrs: &[Attribute], errors: &mut Errors) {
    each("sepia", attrs, errors, |key, _| Err(unknown(key, "a variant", &[])));
}

/// Reads the attributes of a field.
pub(crate) fn of_field(attrs: &[Attribute], errors: &mut Errors) -> FieldKeys {
    let mut keys = FieldKeys::default();
    each("sepia", attrs, errors, |key, input| match key.to_string().as_str() {
        "id" => put(&mut keys.id, key, flag(key, input)?),
        "rename" => put(&mut keys.rename, key, text(key, input, "\"name\"")?),
        "skip" => put(&mut keys.skip, key, flag(key, input)?),
        "default" => put(&mut keys.default, key, maybe_function(key, input)?),
        "value" => put(&mut keys.value, key, flag(key, input)?),
        "reference" => put(&mut keys.reference, key, flag(key, input)?),
        "with" => put(&mut keys.with, key, module(key, input)?),
        _ => Err(unknown(key, "a field", ON_FIELDS)),
    });
    keys
}

/// Calls `read` for every key in every `#[sepia(..)]`, or attribute of another name. A key that it refuses is reported,
/// and reading goes on behind it.
pub(crate) fn each(
    name: &str,
    attrs: &[Attribute],
    errors: &mut Errors,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        let Ok(list) = attr.meta.require_list() else {
            errors.on(&attr.meta, format!("write the keys in parentheses: `#[{name}(..)]`"));
            continue;
        };
        let parsed = list.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                let key = input.call(Ident::parse_any).map_err(|error| {
                    syn::Error::new(error.span(), format!("write a key, as in `#[{name}(rename = \"name\")]`"))
                })?;
                if let Err(error) = read(&key, input) {
                    errors.add(error);
                    skip_value(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        });
        if let Err(error) = parsed {
            errors.add(error);
        }
    }
}

/// Moves past a value that was refused, to the next key.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// Keeps a key's value. A key that stands twice is refused, since one of the two would have no effect.
pub(crate) fn put<T>(slot: &mut Option<Key<T>>, key: &Ident, value: T) -> syn::Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new(key.span(), format!("`{key}` is given twice: keep one of the two")));
    }
    *slot = Some(Key { span: key.span(), value });
    Ok(())
}

/// Reads a key that takes no value.
pub(crate) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if ends(input) {
        return Ok(());
    }
    Err(syn::Error::new(key.span(), format!("`{key}` takes no value: write `{key}`")))
}

/// Reads `key = "text"`.
pub(crate) fn text(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<LitStr> {
    let refused = || syn::Error::new(key.span(), format!("`{key}` takes a string: write `{key} = {example}`"));
    value(input).and_then(|()| input.parse::<LitStr>()).ok().filter(|_| ends(input)).ok_or_else(refused)
}

/// Reads `key = path` or `key = "path"`, where the path leads to a module.
pub(crate) fn module(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let refused =
        || syn::Error::new(key.span(), format!("`{key}` takes the path of a module: write `{key} = some::path`"));
    value(input)
        .and_then(|()| match input.peek(LitStr) {
            true => input.parse::<LitStr>()?.parse_with(Path::parse_mod_style),
            false => input.call(Path::parse_mod_style),
        })
        .ok()
        .filter(|_| ends(input))
        .ok_or_else(refused)
}

/// Reads `key`, `key = path` or `key = "path"`, where the path leads to a function.
pub(crate) fn maybe_function(key: &Ident, input: ParseStream<'_>) -> syn::Result<Option<ExprPath>> {
    if ends(input) {
        return Ok(None);
    }
    let refused = || {
        let message = format!("`{key}` takes the path of a function without arguments: write `{key} = some::function`");
        syn::Error::new(key.span(), message)
    };
    value(input)
        .and_then(|()| match input.peek(LitStr) {
            true => input.parse::<LitStr>()?.parse::<ExprPath>(),
            false => input.parse::<ExprPath>(),
        })
        .ok()
        .filter(|_| ends(input))
        .ok_or_else(refused)
        .map(Some)
}

fn value(input: ParseStream<'_>) -> syn::Result<()> {
    input.parse::<Token![=]>().map(drop)
}

fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// Says what may stand in place of a key that nothing knows.
fn unknown(key: &Ident, place: &str, known: &[&str]) -> syn::Error {
    let name = key.to_string();
    let near = known.iter().filter(|known| is_near(&name, known)).min_by_key(|known| distance(&name, known));
    let advice = if let Some(near) = near {
        format!("did you mean `{near}`?")
    } else if known.is_empty() {
        "nothing can be set there".to_owned()
    } else if ON_TYPES.contains(&name.as_str()) && place == "a field" {
        "it belongs to the type".to_owned()
    } else if ON_FIELDS.contains(&name.as_str()) {
        "it belongs to a field".to_owned()
    } else {
        let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        format!("it takes {}", known.join(", "))
    };
    syn::Error::new(key.span(), format!("`{name}` is not a key of {place}: {advice}"))
}

/// Returns whether one name is a likely slip for the other: one is the start of the other, or few letters differ.
fn is_near(written: &str, known: &str) -> bool {
    let start = written.len() > 2 && (written.starts_with(known) || known.starts_with(written));
    start || distance(written, known) <= known.len().div_ceil(3)
}

/// Returns how many letters must be inserted, removed or replaced to turn one name into the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..to.len() {
            let replaced = diagonal + usize::from(letter != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
