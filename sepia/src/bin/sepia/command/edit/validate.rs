//! Whether what was edited can be stored, as far as that is known without its type.

use std::collections::HashSet;

use sepia::class::Format;

use crate::failure::{Failure, Result};
use crate::render::json::Json;

/// How the keys begin that are Sepia's own: see `docs/format.md`.
const RESERVED: &str = "sepia_";

/// Checks the content of a serializable object.
pub(super) fn content(format: Option<Format>, after: &[u8]) -> Result<()> {
    match format {
        Some(Format::Json) => object(after).map(|_| ()),
        Some(Format::Text) if std::str::from_utf8(after).is_err() => Err(Failure::said("this is not UTF-8")),
        _ => Ok(()),
    }
}

/// Checks the values of a container: Sepia's own keys stay as they were.
pub(super) fn values(before: &[u8], after: &[u8]) -> Result<()> {
    let after = object(after)?;
    // What was broken before may be mended in any way.
    let Ok(before) = Json::parse_object(before) else { return Ok(()) };
    let (before, after) = (reserved(before), reserved(after));
    for (key, value) in before.iter().chain(&after) {
        let stands = |fields: &[(String, Json<'_>)]| fields.iter().any(|(k, v)| k == key && v == value);
        if !stands(&before) || !stands(&after) {
            return Err(Failure::said(format!("{key} says where references belong, and has to stay as it was")));
        }
    }
    Ok(())
}

fn reserved<'a>(fields: Vec<(String, Json<'a>)>) -> Vec<(String, Json<'a>)> {
    fields.into_iter().filter(|(name, _)| name.starts_with(RESERVED)).collect()
}

fn object(text: &[u8]) -> Result<Vec<(String, Json<'_>)>> {
    let fields = Json::parse_object(text)
        .map_err(|wrong| Failure::said(format!("this is not a JSON object of fields: {wrong}")))?;
    let mut names = HashSet::new();
    match fields.iter().find(|(name, _)| !names.insert(name)) {
        None => {}
        Some((twice, _)) => return Err(Failure::said(format!("the field {twice:?} stands there twice"))),
    }
    Ok(fields)
}
