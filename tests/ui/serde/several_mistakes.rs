use sepia::{Container, Id};

#[derive(Container)]
#[serde(tag = "kind", rename_all = "CamelCase")]
struct Board {
    id: Id<Board>,
    #[serde(flatten)]
    values: std::collections::BTreeMap<String, u8>,
    #[serde(rename = "b", skip_serializing_if = "Vec::is_empty")]
    a: Vec<u8>,
    #[sepia(rename = "b")]
    c: Vec<Board>,
}

fn main() {}
