//! The programs that are compiled.

use std::fmt::Write as _;

/// What the types of a program derive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Serde's `Serialize` and `Deserialize`, written and read with serde_json.
    Serde,
    /// `Serializable`: every field is a value.
    Values,
    /// `Container`: every second field is a reference.
    References,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Serde, Self::Values, Self::References];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Serde => "serde, values",
            Self::Values => "`Serializable`, values",
            Self::References => "`Container`, values and references",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Serde => "serde",
            Self::Values => "values",
            Self::References => "references",
        }
    }
}

/// A program that loads and saves one object of each of its types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) form: Form,
    pub(crate) types: usize,
    pub(crate) fields: usize,
}

const VALUES: [&str; 8] =
    ["String", "u64", "Option<String>", "bool", "Vec<u32>", "f64", "BTreeMap<String, i64>", "(u8, String)"];
const REFERENCES: [&str; 5] = ["Option<Leaf>", "Vec<Leaf>", "Ref<Leaf>", "Vec<Ref<Leaf>>", "BTreeMap<String, Leaf>"];

impl Program {
    pub(crate) fn name(&self) -> String {
        format!("{}_{}", self.form.name(), self.types)
    }

    pub(crate) fn source(&self) -> String {
        let mut source = String::from(match self.form {
            Form::Serde => SERDE,
            Form::Values | Form::References => SEPIA,
        });
        for number in 0..self.types {
            self.write_type(number, &mut source);
        }
        let calls: String = (0..self.types).map(|number| format!("    turn::<Type{number}>(&place)?;\n")).collect();
        let _ = write!(
            source,
            "\nfn main() -> Result<(), Box<dyn Error>> {{\n    let place = place()?;\n{calls}    Ok(())\n}}\n"
        );
        source
    }

    fn write_type(&self, number: usize, source: &mut String) {
        let (derive, id) = match self.form {
            Form::Serde => ("Serialize, Deserialize", String::new()),
            Form::Values => ("Serializable", format!("    id: Id<Type{number}>,\n")),
            Form::References => ("Container", format!("    id: Id<Type{number}>,\n")),
        };
        let _ = write!(source, "\n#[derive({derive})]\nstruct Type{number} {{\n{id}");
        for field in 0..self.fields {
            let kinds: &[&str] = if self.form == Form::References && field % 2 == 1 { &REFERENCES } else { &VALUES };
            // Each type has them in another order.
            let _ = writeln!(source, "    field_{field}: {},", kinds[(field / 2 + number) % kinds.len()]);
        }
        source.push_str("}\n");
    }
}

const SERDE: &str = "\
#![allow(unused)]
use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn place() -> Result<String, Box<dyn Error>> {
    Ok(std::fs::read_to_string(\"object.json\")?)
}

fn turn<T: Serialize + DeserializeOwned>(place: &str) -> Result<(), Box<dyn Error>> {
    let object: T = serde_json::from_str(place)?;
    black_box(serde_json::to_string_pretty(&object)?);
    Ok(())
}
";

const SEPIA: &str = "\
#![allow(unused)]
use std::collections::BTreeMap;
use std::error::Error;

use sepia::{Container, Id, Object, Ref, Serializable, Store};

#[derive(Serializable)]
struct Leaf {
    id: Id<Leaf>,
    text: String,
}

fn place() -> Result<Store, Box<dyn Error>> {
    let store = Store::open(\"store\")?;
    turn::<Leaf>(&store)?;
    Ok(store)
}

fn turn<T: Object>(place: &Store) -> Result<(), Box<dyn Error>> {
    let object: T = place.load(\"object\")?;
    place.save(&object)?;
    Ok(())
}
";
