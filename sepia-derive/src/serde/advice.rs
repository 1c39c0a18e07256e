//! What to write instead of an attribute of serde that sepia does not follow. One table per place.

pub(super) const SPLIT_RENAME: &str =
    "a field has one name on disk, for writing and for reading: write `rename = \"name\"`";
pub(super) const SPLIT_RENAME_ALL: &str =
    "a field has one name on disk, for writing and for reading: write `rename_all = \"camelCase\"` or another case";
pub(super) const HALF_SKIP: &str = "a field is either stored and loaded or neither: write `skip`, or store the field";
pub(super) const ON_ENUM: &str =
    "the class of the object tells which variant it is, and no name of a variant is stored: drop the attribute";

/// Keys that do something else in serde, and what to write for sepia.
const ON_FIELDS: &[(&str, &str)] = &[
    ("flatten", "every field is stored under its own name: drop `flatten`, or move the inner fields into this type"),
    (
        "skip_serializing_if",
        "what is left out could come back as something else: drop it, and every value is written as it is",
    ),
    ("serialize_with", "one module writes and reads a field: write `with = \"module\"`"),
    ("deserialize_with", "one module writes and reads a field: write `with = \"module\"`"),
    ("alias", "a field has one name on disk: write `rename = \"name\"` with the name that is stored"),
    ("borrow", "what is loaded owns its data: use an owned type such as `String`"),
    ("bound", "the bounds are those of the type itself: write them in its `where` clause"),
    ("getter", "sepia reads the field itself: drop `getter`, or write `#[sepia(content = \"custom\")]` on the type"),
    ("rename_all", "it renames the fields of a type: write `rename = \"name\"`"),
];

/// The same, on a type.
const ON_TYPES: &[(&str, &str)] = &[
    ("rename", "the class is a type's name on disk: write `#[sepia(class = \"Name\")]`"),
    ("rename_all_fields", "it is for the variants of an enum: write `rename_all = \"camelCase\"` or another case"),
    ("tag", "the class is known by the place of the object: drop `tag`"),
    ("content", "the class is known by the place of the object: drop `content`"),
    ("untagged", "the class is known by the place of the object: drop `untagged`"),
    (
        "transparent",
        "the file of an object holds its fields by name: write `#[sepia(content = \"text\")]` or `\"bytes\"` for a file that is its one field",
    ),
    ("from", CONVERTED),
    ("try_from", CONVERTED),
    ("into", CONVERTED),
    ("remote", "sepia stores the types that derive it: drop `remote`"),
    ("bound", "the bounds are those of the type itself: write them in its `where` clause"),
    ("crate", "where sepia is, is said by `#[sepia(crate = path)]`"),
    ("expecting", "sepia words its own errors: drop `expecting`"),
];

const CONVERTED: &str =
    "the fields of this very type are stored: write `#[sepia(content = \"custom\")]`, and convert in your own code";

const UNKNOWN: &str = "nothing is known of it: drop it";

/// Returns what to do about a key on a field.
pub(super) fn on_field(key: &str) -> &'static str {
    find(ON_FIELDS, key)
}

/// Returns what to do about a key on a type.
pub(super) fn on_type(key: &str) -> &'static str {
    find(ON_TYPES, key)
}

fn find(table: &[(&str, &'static str)], key: &str) -> &'static str {
    table.iter().find(|(known, _)| *known == key).map_or(UNKNOWN, |(_, advice)| advice)
}
