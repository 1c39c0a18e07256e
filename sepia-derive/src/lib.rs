//! The derive macros of `sepia`, which re-exports them: use that crate.
//!
//! A derive goes through four steps. `attr` parses `#[sepia(..)]`, and `serde` those of serde's attributes that mean the
//! same; `model` gathers what the user wrote, `check` judges it and reports all mistakes at once, `expand` generates code
//! from what passed.

mod attr;
mod check;
mod errors;
mod expand;
mod model;
mod serde;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::model::Kind;

/// Stores a struct as one file.
///
/// ```
/// use sepia::{Id, Serializable};
///
/// #[derive(Serializable)]
/// #[sepia(content = "text")]
/// struct Postit {
///     id: Id<Postit>,
///     text: String,
/// }
/// ```
///
/// The id is the field marked `#[sepia(id)]`, else the one called `id` or `sepia_id`. Its type is `Id<Self>`.
///
/// On the type, `#[sepia(..)]` takes
/// - `class = "Name"`: the directory of its objects, by default the type's name. A generic type has to name one.
/// - `content`: what the file holds. `"json"` (the default): the fields, as serde writes them. `"text"` and `"bytes"`:
///   the one field besides the id. `"custom"`: what the type's `Content` implementation says.
/// - `generations`: ids end in a version number, and older versions are kept.
/// - `ignore_unknown`: keys of the file without a field are no error. They vanish at the next save.
/// - `serde = "ignore"`: serde's attributes on the type are for another format, see below.
/// - `crate = path`: where sepia is, if not at `::sepia`.
///
/// On a field of a JSON file it takes
/// - `rename = "name"`: the name on disk, by default the field's name.
/// - `skip`: the field is not stored, and loaded as its default.
/// - `default`, `default = path`: what a missing field is, from `Default` or from a function without arguments.
/// - `with = module`: the value is written by `module::serialize` and read by `module::deserialize`, as in serde.
/// - `value`: the field is a value even if its type holds objects.
///
/// # Attributes of serde
///
/// On the type's own fields, serde's attributes hold where they mean the same: `skip` (or both halves of it), `rename`,
/// `default` and `with`; on the id `skip`, as it is not in the file anyway; on the type `rename_all`, `default` (what is
/// missing is taken from the type's own default), and `deny_unknown_fields`, which says nothing new. A name is that of the
/// key or of the directory, and two fields of one name do not compile.
///
/// Every other attribute of serde is an error, as it would have no effect; so is one that says something else than sepia's
/// own. `#[sepia(serde = "ignore")]` on the type says that serde's attributes are for another format: none of them has an
/// effect then. Where the type's own code stores the fields (`content = "custom"`), they are left to that code.
///
/// ```
/// use sepia::{Id, Serializable};
///
/// #[derive(Serializable)]
/// #[serde(rename_all = "camelCase")]
/// struct Account {
///     id: Id<Account>,
///     full_name: String,             // "fullName"
///     #[serde(rename = "mail")]
///     mail_address: String,
///     #[serde(skip)]
///     session_token: Option<String>, // never written
/// }
/// ```
#[proc_macro_derive(Serializable, attributes(sepia, serde))]
pub fn serializable(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::object(Kind::Serializable, &input).into()
}

/// Stores a struct as one directory.
///
/// ```
/// use sepia::{Container, Id, Serializable};
///
/// #[derive(Serializable)]
/// struct Postit {
///     id: Id<Postit>,
///     text: String,
/// }
///
/// #[derive(Container)]
/// struct Board {
///     id: Id<Board>,
///     name: String,
///     postits: Vec<Postit>,
/// }
/// ```
///
/// Fields that hold objects are references: they become symlinks and subdirectories. All others are values, which
/// serde writes into `data.json`.
///
/// The attributes are those of [`Serializable`](macro@Serializable), with three differences: `content` is left out or
/// `"custom"` (what the type's `Fields` implementation says), `ignore_unknown` covers the entries of the directory too,
/// and all that a `Fields` implementation does not ask for, and a field can also be
/// - `reference`: the field is a reference, whatever else its type is.
#[proc_macro_derive(Container, attributes(sepia, serde))]
pub fn container(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::object(Kind::Container, &input).into()
}

/// Lets a field of a container hold objects of several classes.
///
/// ```
/// use sepia::{Id, Reference, Serializable};
///
/// #[derive(Serializable)]
/// struct Circle {
///     id: Id<Circle>,
///     radius: f64,
/// }
///
/// #[derive(Serializable)]
/// struct Square {
///     id: Id<Square>,
///     side: f64,
/// }
///
/// #[derive(Reference)]
/// enum Shape {
///     Circle(Circle),
///     Square(Box<Square>),
/// }
/// ```
///
/// Each variant holds one object, and each of a different class: the class tells which variant to load. On the enum,
/// `#[sepia(crate = path)]` says where sepia is, if not at `::sepia`. No name of a variant is stored, so serde's attributes
/// have no meaning here and are refused, unless `#[sepia(serde = "ignore")]` says that they are for another format.
#[proc_macro_derive(Reference, attributes(sepia, serde))]
pub fn reference(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::reference(&input).into()
}
